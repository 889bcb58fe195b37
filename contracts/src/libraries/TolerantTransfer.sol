// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title A token transfer that can fail without failing its caller
/// @dev Its gas is capped and at most one word of what it returns is copied, so neither a blacklist nor a receiver's hook can block a claim.
library TolerantTransfer {
    uint256 internal constant GAS = 200_000;

    /// @notice Gas the caller must have left, so that a failure is the token's and not for want of gas.
    function gasNeeded() internal pure returns (uint256) {
        // A call passes on at most 63/64; the rest is for recording the failure.
        return GAS * 64 / 63 + 60_000;
    }

    function trySend(address token, address to, uint256 amount) internal returns (bool sent) {
        bytes memory data = abi.encodeCall(IERC20.transfer, (to, amount));
        uint256 size;
        uint256 word;
        assembly ("memory-safe") {
            sent := call(GAS, token, 0, add(data, 0x20), mload(data), 0x00, 0x20)
            size := returndatasize()
            word := mload(0x00)
        }
        return sent && (size == 0 || (size >= 32 && word == 1));
    }
}
