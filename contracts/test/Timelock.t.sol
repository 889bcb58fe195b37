// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Deployer} from "../src/deploy/Deployer.sol";
import {Timelock} from "../src/deploy/Timelock.sol";
import {CoverBase} from "./CoverBase.sol";

contract TimelockTest is CoverBase {
    bytes32 internal constant SALT = "timelock";
    uint256 internal constant DELAY = 2 days;

    Deployer internal deployer;
    Timelock internal timelock;
    address internal proposer = makeAddr("proposer");
    address internal canceller = makeAddr("canceller");
    address internal anyone = makeAddr("anyone");

    function setUp() public override {
        super.setUp();
        deployer = new Deployer();
    }

    function _one(address account) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = account;
    }

    function _creation(uint256 delay, address[] memory proposers, address[] memory executors)
        private
        view
        returns (bytes memory)
    {
        Ownable2Step[] memory owned = new Ownable2Step[](2);
        (owned[0], owned[1]) = (policies, pool);
        bytes memory arguments = abi.encode(delay, proposers, executors, _one(canceller), owned);
        return abi.encodePacked(type(Timelock).creationCode, arguments);
    }

    function _offer() private {
        address foreseen = deployer.addressOf(address(this), SALT);
        policies.transferOwnership(foreseen);
        pool.transferOwnership(foreseen);
    }

    function _handOver() private {
        _offer();
        timelock = Timelock(payable(deployer.deploy(SALT, _creation(DELAY, _one(proposer), _one(address(0))))));
    }

    function _stopSales() private view returns (bytes memory) {
        return abi.encodeCall(policies.stopSales, (TRIGGER));
    }

    function _schedule(uint256 delay) private returns (bytes32 id) {
        id = timelock.hashOperation(address(policies), 0, _stopSales(), 0, 0);
        vm.prank(proposer);
        timelock.schedule(address(policies), 0, _stopSales(), 0, 0, delay);
    }

    function test_AfterwardsTheCodeIsOpenZeppelins() public pure {
        assertEq(keccak256(type(Timelock).runtimeCode), keccak256(type(TimelockController).runtimeCode), "runtime code");
    }

    function test_WhatWasOfferedIsTakenOverAndNobodyIsLeftWithARole() public {
        _handOver();
        assertEq(policies.owner(), address(timelock), "owner of the policy book");
        assertEq(pool.owner(), address(timelock), "owner of the pool");
        assertEq(policies.pendingOwner(), address(0), "pending owner of the policy book");
        assertEq(pool.pendingOwner(), address(0), "pending owner of the pool");
        assertEq(timelock.getMinDelay(), DELAY, "minimum delay");
        bytes32[4] memory roles =
            [bytes32(0), timelock.PROPOSER_ROLE(), timelock.EXECUTOR_ROLE(), timelock.CANCELLER_ROLE()];
        for (uint256 i; i < roles.length; i++) {
            assertFalse(timelock.hasRole(roles[i], address(this)), "a role of who deployed");
            assertFalse(timelock.hasRole(roles[i], address(deployer)), "a role of the factory");
            assertEq(timelock.hasRole(roles[i], address(timelock)), i == 0, "its own administrator alone");
        }
        assertTrue(timelock.hasRole(timelock.CANCELLER_ROLE(), canceller), "the canceller cancels");
        assertFalse(timelock.hasRole(timelock.PROPOSER_ROLE(), canceller), "and does not propose");
    }

    function test_WhoDeployedCanDoNothingMore() public {
        _handOver();
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(this)));
        policies.stopSales(TRIGGER);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(this)));
        pool.addScenario("mine");
    }

    function testFuzz_AnythingWaitsTheDelayToTheSecond(uint256 delay) public {
        _handOver();
        delay = bound(delay, DELAY, 365 days);
        bytes32 id = _schedule(delay);
        vm.warp(block.timestamp + delay - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                TimelockController.TimelockUnexpectedOperationState.selector, id, bytes32(uint256(1) << 2)
            )
        );
        timelock.execute(address(policies), 0, _stopSales(), 0, 0);

        vm.warp(block.timestamp + 1);
        vm.prank(anyone);
        timelock.execute(address(policies), 0, _stopSales(), 0, 0);
        assertFalse(policies.listing(TRIGGER).open, "sales are stopped");
    }

    function testFuzz_NothingIsScheduledFasterThanTheDelay(uint256 delay) public {
        _handOver();
        delay = bound(delay, 0, DELAY - 1);
        vm.prank(proposer);
        vm.expectRevert(abi.encodeWithSelector(TimelockController.TimelockInsufficientDelay.selector, delay, DELAY));
        timelock.schedule(address(policies), 0, _stopSales(), 0, 0, delay);
    }

    function test_TheCancellerStopsWhatWaits() public {
        _handOver();
        bytes32 id = _schedule(DELAY);
        vm.prank(canceller);
        timelock.cancel(id);
        assertFalse(timelock.isOperation(id), "gone");
    }

    function test_ItTakesNothingThatWasNotOffered() public {
        bytes memory code = _creation(DELAY, _one(proposer), _one(address(0)));
        address foreseen = deployer.addressOf(address(this), SALT);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, foreseen));
        deployer.deploy(SALT, code);
    }

    function _refused(string memory field, uint256 delay, address[] memory proposers, address[] memory executors)
        private
    {
        bytes memory code = _creation(delay, proposers, executors);
        vm.expectRevert(abi.encodeWithSelector(Timelock.InvalidSetup.selector, field));
        deployer.deploy(SALT, code);
    }

    function testFuzz_ADelayOutOfBoundsIsRefused(uint256 delay) public {
        _refused("minimumDelay", 0, _one(proposer), _one(address(0)));
        _refused("minimumDelay", bound(delay, 30 days + 1, type(uint256).max), _one(proposer), _one(address(0)));
    }

    function test_ATimelockThatNobodyCouldUseIsRefused() public {
        _refused("proposers", DELAY, new address[](0), _one(address(0)));
        _refused("executors", DELAY, _one(proposer), new address[](0));
    }
}
