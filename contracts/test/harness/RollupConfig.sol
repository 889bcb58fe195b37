// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Names who posts a rollup's batches, as the OP stack's SystemConfig does
contract RollupConfig {
    bytes32 public batcherHash;

    /// @notice Another account posts from now on.
    function setBatcherHash(bytes32 hash) external {
        batcherHash = hash;
    }
}
