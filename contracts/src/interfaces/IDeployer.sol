// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Creates contracts at addresses that depend on who creates and a salt, not on the code
/// @dev So contracts that name each other in their constructors need no guessing, and the same key puts an installation at the same
/// addresses on every chain. The factory itself is created through the deterministic deployment proxy, so it is at one address everywhere.
/// Assumes of the creator: the key is the same on every chain and nobody else's. Same address does not mean same code: `creationOf` says
/// what a contract was made from on this chain.
interface IDeployer {
    /// @param codeHash Hash of the creation code with its constructor arguments.
    event Deployed(address indexed creator, bytes32 indexed salt, address indexed deployed, bytes32 codeHash);

    /// @dev The creator has used this salt; another creator's use of it is no obstacle.
    error SaltUsed(address creator, bytes32 salt, address deployed);
    /// @dev Nothing was created, and the creation code gave no reason: it ran out of gas, or made code that is empty or too large.
    /// A reason that it gives is passed on instead.
    error CreationFailed(address creator, bytes32 salt);

    /// @notice Creates a contract from its creation code with constructor arguments; by anyone, each at addresses of its own.
    /// @dev In the constructor `msg.sender` is a throw-away contract: whoever is to own something must be an argument.
    function deploy(bytes32 salt, bytes calldata creationCode) external returns (address deployed);
    /// @notice Where the contract of this creator and salt is, or will be.
    function addressOf(address creator, bytes32 salt) external view returns (address);
    /// @notice What was created there and in which block; zeros if nothing was.
    /// @return codeHash Hash of the creation code with its constructor arguments: it proves the arguments to anyone who has the code.
    /// @return blockNumber As the chain tells contracts, which some chains take from the chain below them.
    function creationOf(address deployed) external view returns (bytes32 codeHash, uint64 blockNumber);
}
