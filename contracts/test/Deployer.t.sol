// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TestAsset} from "../src/TestAsset.sol";
import {Deployer} from "../src/deploy/Deployer.sol";
import {Launcher} from "../src/deploy/Launcher.sol";
import {IDeployer} from "../src/interfaces/IDeployer.sol";
import {Test} from "./Test.sol";

/// @dev Names its twin, which is created later.
contract Twin {
    Twin public immutable twin;

    constructor(Twin twin_) {
        twin = twin_;
    }
}

contract Refusing {
    error Because(uint256 why);

    constructor(uint256 why) {
        revert Because(why);
    }
}

/// @dev Uses its creator's salt again while it is being created.
contract Reentering {
    constructor(IDeployer deployer, bytes32 salt, address creator) {
        Insider(creator).again(deployer, salt);
    }
}

/// @dev A creator that is a contract.
contract Insider {
    function begin(IDeployer deployer, bytes32 salt) external {
        deployer.deploy(salt, abi.encodePacked(type(Reentering).creationCode, abi.encode(deployer, salt, this)));
    }

    function again(IDeployer deployer, bytes32 salt) external {
        deployer.deploy(salt, type(Launcher).creationCode);
    }
}

contract DeployerTest is Test {
    Deployer internal deployer;

    function setUp() public {
        deployer = new Deployer();
    }

    function _twin(address other) private pure returns (bytes memory) {
        return abi.encodePacked(type(Twin).creationCode, abi.encode(other));
    }

    function testFuzz_TheAddressIsForeseenAndDoesNotHangOnTheCode(address creator, bytes32 salt, uint8 decimals)
        public
    {
        address foreseen = deployer.addressOf(creator, salt);
        bytes memory code = abi.encodePacked(type(TestAsset).creationCode, abi.encode("A", "B", decimals));

        vm.expectEmit(address(deployer));
        emit IDeployer.Deployed(creator, salt, foreseen, keccak256(code));
        vm.prank(creator);
        address deployed = deployer.deploy(salt, code);

        assertEq(deployed, foreseen, "address");
        assertEq(TestAsset(deployed).decimals(), decimals, "constructor argument");
    }

    function testFuzz_TwoContractsThatNameEachOtherNeedNoGuessing(bytes32 salt) public {
        bytes32 other = keccak256(abi.encode(salt));
        address second = deployer.addressOf(address(this), other);
        address first = deployer.deploy(salt, _twin(second));
        deployer.deploy(other, _twin(first));

        assertEq(address(Twin(first).twin()), second, "the first names the second");
        assertEq(address(Twin(second).twin()), first, "the second names the first");
    }

    function testFuzz_NobodyTakesAnothersAddress(address creator, address thief, bytes32 salt) public {
        vm.assume(creator != thief);
        vm.prank(thief);
        address stolen = deployer.deploy(salt, _twin(thief));

        address own = deployer.addressOf(creator, salt);
        assertTrue(stolen != own, "another address");
        vm.prank(creator);
        assertEq(deployer.deploy(salt, _twin(creator)), own, "the creator's address");
    }

    function testFuzz_ASaltIsUsedOnce(bytes32 salt) public {
        address deployed = deployer.deploy(salt, _twin(address(1)));
        vm.expectRevert(abi.encodeWithSelector(IDeployer.SaltUsed.selector, address(this), salt, deployed));
        deployer.deploy(salt, _twin(address(2)));
    }

    function testFuzz_ASaltIsUsedOnceThoughTheConstructorTriesAgain(bytes32 salt) public {
        Insider insider = new Insider();
        address deployed = deployer.addressOf(address(insider), salt);
        vm.expectRevert(abi.encodeWithSelector(IDeployer.SaltUsed.selector, address(insider), salt, deployed));
        insider.begin(deployer, salt);
    }

    function testFuzz_WhatWasCreatedAndWhenIsKept(bytes32 salt, uint32 number) public {
        vm.roll(bound(number, 1, type(uint32).max));
        bytes memory code = _twin(address(this));
        address deployed = deployer.deploy(salt, code);

        (bytes32 codeHash, uint64 blockNumber) = deployer.creationOf(deployed);
        assertEq(codeHash, keccak256(code), "hash of code and arguments");
        assertEq(blockNumber, block.number, "block");
        (codeHash, blockNumber) = deployer.creationOf(address(this));
        assertEq(codeHash, bytes32(0), "nothing of another contract");
        assertEq(blockNumber, 0, "no block of another contract");
    }

    function testFuzz_AConstructorsReasonIsPassedOnAndTheSaltStaysFree(bytes32 salt, uint256 why) public {
        bytes memory code = abi.encodePacked(type(Refusing).creationCode, abi.encode(why));
        vm.expectRevert(abi.encodeWithSelector(Refusing.Because.selector, why));
        deployer.deploy(salt, code);

        (bytes32 codeHash,) = deployer.creationOf(deployer.addressOf(address(this), salt));
        assertEq(codeHash, bytes32(0), "nothing is recorded");
        deployer.deploy(salt, _twin(address(this)));
    }

    function testFuzz_CodeThatCreatesNothingIsRefused(bytes32 salt) public {
        vm.expectRevert(abi.encodeWithSelector(IDeployer.CreationFailed.selector, address(this), salt));
        deployer.deploy(salt, "");
        // INVALID: fails without a reason.
        vm.expectRevert(abi.encodeWithSelector(IDeployer.CreationFailed.selector, address(this), salt));
        deployer.deploy(salt, hex"fe");
    }

    function testFuzz_ALauncherUsedAgainTakesNoForeseenAddress(bytes32 salt) public {
        address first = deployer.deploy(salt, _twin(address(this)));
        bytes32 own = keccak256(abi.encode(address(this), salt));
        bytes32 hash =
            keccak256(abi.encodePacked(bytes1(0xff), address(deployer), own, keccak256(type(Launcher).creationCode)));
        Launcher launcher = Launcher(address(uint160(uint256(hash))));

        launcher.launch(_twin(address(1)));
        assertEq(address(Twin(first).twin()), address(this), "the first creation stands");
        address later = vm.computeCreateAddress(address(launcher), 2);
        assertEq(address(Twin(later).twin()), address(1), "a later one is elsewhere");
        (bytes32 codeHash,) = deployer.creationOf(later);
        assertEq(codeHash, bytes32(0), "and is not vouched for");
    }
}
