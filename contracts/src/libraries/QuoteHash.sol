// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Span} from "../interfaces/IIncidentBook.sol";
import {Quote} from "../interfaces/IPolicyBook.sol";

/// @title EIP-712 struct hash of a quote
library QuoteHash {
    bytes32 internal constant SPAN_TYPEHASH = keccak256("Span(uint64 from,uint64 until)");
    bytes32 internal constant TERMS_TYPEHASH = keccak256(
        "Terms(uint32 waiting,uint8 semantics,uint64 rate,uint96 failoverBenefit,uint96 incidentLimit,uint96 aggregateLimit)"
    );
    bytes32 internal constant QUOTE_TYPEHASH = keccak256(
        "Quote(address pool,address asset,address buyer,bytes32 triggerId,Terms terms,uint64 start,uint64 end,Span[] exclusions,address standby,uint96 premium,bytes32 modelVersion,uint256 renews,uint256 nonce,uint64 deadline)Span(uint64 from,uint64 until)Terms(uint32 waiting,uint8 semantics,uint64 rate,uint96 failoverBenefit,uint96 incidentLimit,uint96 aggregateLimit)"
    );

    function hash(Quote calldata quote) internal pure returns (bytes32) {
        // In two halves, since one call can't hold fifteen words on the stack.
        bytes memory first = abi.encode(
            QUOTE_TYPEHASH,
            quote.pool,
            quote.asset,
            quote.buyer,
            quote.triggerId,
            keccak256(abi.encode(TERMS_TYPEHASH, quote.terms)),
            quote.start,
            quote.end
        );
        bytes memory second = abi.encode(
            _hash(quote.exclusions),
            quote.standby,
            quote.premium,
            quote.modelVersion,
            quote.renews,
            quote.nonce,
            quote.deadline
        );
        return keccak256(bytes.concat(first, second));
    }

    function _hash(Span[] calldata spans) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](spans.length);
        for (uint256 i; i < spans.length; ++i) {
            hashes[i] = keccak256(abi.encode(SPAN_TYPEHASH, spans[i]));
        }
        return keccak256(abi.encodePacked(hashes));
    }
}
