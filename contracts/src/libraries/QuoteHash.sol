// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Quote} from "../interfaces/IPolicyBook.sol";

/// @title EIP-712 struct hash of a quote
library QuoteHash {
    bytes32 internal constant TERMS_TYPEHASH = keccak256(
        "Terms(uint32 waiting,uint8 semantics,uint64 rate,uint96 failoverBenefit,uint96 incidentLimit,uint96 aggregateLimit)"
    );
    bytes32 internal constant QUOTE_TYPEHASH = keccak256(
        "Quote(address pool,address asset,address buyer,bytes32 triggerId,Terms terms,uint64 start,uint64 end,address standby,uint96 premium,bytes32 modelVersion,uint256 nonce,uint64 deadline)Terms(uint32 waiting,uint8 semantics,uint64 rate,uint96 failoverBenefit,uint96 incidentLimit,uint96 aggregateLimit)"
    );

    function hash(Quote calldata quote) internal pure returns (bytes32) {
        // In two halves, since one call can't hold thirteen words on the stack.
        bytes memory first = abi.encode(
            QUOTE_TYPEHASH,
            quote.pool,
            quote.asset,
            quote.buyer,
            quote.triggerId,
            keccak256(abi.encode(TERMS_TYPEHASH, quote.terms))
        );
        bytes memory second = abi.encode(
            quote.start, quote.end, quote.standby, quote.premium, quote.modelVersion, quote.nonce, quote.deadline
        );
        return keccak256(bytes.concat(first, second));
    }
}
