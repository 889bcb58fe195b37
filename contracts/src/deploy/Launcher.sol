// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Stands between the deployer and one contract, so that this contract's address depends on no code but the launcher's
/// @dev Needs no guard: what matters is its first creation, which the deployer makes in the transaction that creates the launcher. Later
/// ones, by anyone, go to addresses that mean nothing.
contract Launcher {
    /// @notice Creates a contract. Reverts with its constructor's reason; returns where nothing came of it, for the deployer to see.
    function launch(bytes memory creationCode) external {
        assembly ("memory-safe") {
            let created := create(0, add(creationCode, 0x20), mload(creationCode))
            if and(iszero(created), gt(returndatasize(), 0)) {
                let reason := mload(0x40)
                returndatacopy(reason, 0, returndatasize())
                revert(reason, returndatasize())
            }
        }
    }
}
