// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Quote} from "../src/interfaces/IPolicyBook.sol";
import {CoverBase} from "./CoverBase.sol";
import {IncidentBookBase} from "./IncidentBookBase.sol";

/// @notice Of the machine, what notes gas down.
interface GasMeter {
    function snapshotGasLastCall(string calldata group, string calldata name) external returns (uint256 gas);
}

/// @dev What each verb costs in a usual state, kept in snapshots/: `make snapshot` writes it, `make test` compares. One number for each verb,
/// so that an honest change touches few lines; benchmarks/gas.py measures whole transactions in a large pool.
GasMeter constant METER = GasMeter(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

/// @title Buyers and stakers who have been here before, with the book's answers scripted
contract MoneyGasTest is CoverBase {
    function setUp() public override {
        super.setUp();
        _stake(staker, 100_000 * one);
        _buy();
        _warpBy(1 days);
        _request(staker, 1e6);
        _fund(staker, one);
        pool.accrue();
        _warpBy(1 days + 1 hours);
    }

    function test_Gas_buy() public {
        Quote memory quote = _quote();
        _fund(quote.buyer, quote.premium);
        bytes memory signature = _sign(quote);
        vm.prank(quote.buyer);
        policies.buy(quote, signer, signature);
        METER.snapshotGasLastCall("verbs", "buy");
    }

    function test_Gas_deposit() public {
        vm.prank(staker);
        pool.deposit(one, staker);
        METER.snapshotGasLastCall("verbs", "deposit");
    }

    function test_Gas_requestRedeem() public {
        vm.prank(staker);
        pool.requestRedeem(1e6, staker, staker);
        METER.snapshotGasLastCall("verbs", "requestRedeem");
    }

    function test_Gas_settleAndRedeem() public {
        uint256 batch = _request(staker, 1e12);
        _mature(batch);
        bytes32[] memory triggers = _triggers();
        pool.settle(triggers);
        pool.settle(triggers);
        METER.snapshotGasLastCall("verbs", "settle");
        vm.prank(staker);
        pool.redeem(1e12, staker, staker);
        METER.snapshotGasLastCall("verbs", "redeem");
    }

    function test_Gas_claim() public {
        asset.mint(buyer, 1);
        uint256 second = _buy();
        _warpBy(2 days);
        _incident(TRIGGER, uint64(block.timestamp) - 2 hours, 2 hours);
        policies.claim(1, 0);
        policies.claim(second, 0);
        METER.snapshotGasLastCall("verbs", "claim");
    }

    function test_Gas_failover() public {
        vm.prank(standby);
        policies.activateFailover(1);
        METER.snapshotGasLastCall("verbs", "activateFailover");
    }

    function test_Gas_release() public {
        vm.warp(policies.policy(1).end + TAIL + 1);
        policies.release(1);
        METER.snapshotGasLastCall("verbs", "release");
    }

    function test_Gas_poke() public {
        book.setAlarm(TRIGGER, 1);
        pool.poke(TRIGGER);
        METER.snapshotGasLastCall("verbs", "poke");
    }
}

/// @title An outage of one span that all four paths tell of, the trigger having had one before
contract IncidentGasTest is IncidentBookBase {
    function setUp() public override {
        super.setUp();
        _everybody(0, 1 hours);
        book.propose(id);
        passBy(GAP + GRACE + 1);
        book.finalise(id);
        _everybody(7 days, 7 days + 4 hours);
    }

    function _everybody(uint64 from, uint64 until) private {
        down(from, until, false);
        heartbeat.add(T0 + from, T0 + until, false);
        posting.add(T0 + from, T0 + until, false);
    }

    function test_Gas_proposeConfirmAndFinalise() public {
        book.propose(id);
        METER.snapshotGasLastCall("verbs", "propose");
        passBy(CHALLENGE);
        book.confirm(id, 0);
        METER.snapshotGasLastCall("verbs", "confirm");
        passBy(GAP + GRACE + 1);
        book.finalise(id);
        METER.snapshotGasLastCall("verbs", "finalise");
    }
}
