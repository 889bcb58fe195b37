// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDeployer} from "../interfaces/IDeployer.sol";
import {Launcher} from "./Launcher.sol";

/// @title Deployer
/// @notice See `IDeployer`.
contract Deployer is IDeployer {
    struct Creation {
        bytes32 codeHash;
        uint64 blockNumber;
    }

    /// @dev What a launcher's address depends on besides this contract and the salt.
    bytes32 private constant LAUNCHER_CODE_HASH = keccak256(type(Launcher).creationCode);

    /// @inheritdoc IDeployer
    mapping(address deployed => Creation) public creationOf;

    /// @inheritdoc IDeployer
    function deploy(bytes32 salt, bytes calldata creationCode) external returns (address deployed) {
        deployed = addressOf(msg.sender, salt);
        if (creationOf[deployed].blockNumber != 0) revert SaltUsed(msg.sender, salt, deployed);

        bytes32 codeHash = keccak256(creationCode);
        creationOf[deployed] = Creation(codeHash, uint64(block.number));

        emit Deployed(msg.sender, salt, deployed, codeHash);
        new Launcher{salt: _own(msg.sender, salt)}().launch(creationCode);
        // The launcher's first creation is at the address foreseen, so code there is what this call made.
        if (deployed.code.length == 0) revert CreationFailed(msg.sender, salt);
    }

    /// @inheritdoc IDeployer
    function addressOf(address creator, bytes32 salt) public view returns (address) {
        bytes32 launcher =
            keccak256(abi.encodePacked(bytes1(0xff), address(this), _own(creator, salt), LAUNCHER_CODE_HASH));
        // The first contract that an address creates: RLP of the list of that address and the nonce 1.
        return _low(keccak256(abi.encodePacked(hex"d694", _low(launcher), hex"01")));
    }

    /// @dev Every creator has salts of its own, so nobody can take another's address.
    function _own(address creator, bytes32 salt) private pure returns (bytes32) {
        return keccak256(abi.encode(creator, salt));
    }

    function _low(bytes32 hash) private pure returns (address) {
        return address(uint160(uint256(hash)));
    }
}
