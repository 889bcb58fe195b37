// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Disputes} from "../src/Disputes.sol";
import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {ICoverPool} from "../src/interfaces/ICoverPool.sol";
import {DisputeCase, IDisputes} from "../src/interfaces/IDisputes.sol";
import {IIncidentBook} from "../src/interfaces/IIncidentBook.sol";
import {HostileAsset} from "./HostileAsset.sol";
import {IncidentBookBase} from "./IncidentBookBase.sol";

/// @title A pool of which only the limits are asked
contract ScriptedLimits {
    uint256 private _limits;

    function set(uint256 limits) external {
        _limits = limits;
    }

    function limitsOf(bytes32) external view returns (uint256, uint256) {
        return (_limits, 2 * _limits);
    }
}

/// @title An arbiter that is a contract, in every mood
contract ScriptedArbiter is IArbiter {
    enum Mood {
        SOUND,
        REVERTS,
        BURNS,
        BOMBS
    }

    Mood private _mood;
    bytes32 public told;

    function setMood(Mood mood) external {
        _mood = mood;
    }

    function disputeOpened(
        bytes32 triggerId,
        uint256 sequence,
        uint256 round,
        uint64 from,
        uint64 lapsesAt,
        uint256 bond
    ) external {
        if (_mood == Mood.REVERTS) revert("not now");
        while (_mood == Mood.BURNS) {}
        if (_mood == Mood.BOMBS) {
            assembly ("memory-safe") {
                return(0, 60000)
            }
        }
        told = keccak256(abi.encode(triggerId, sequence, round, from, lapsesAt, bond));
    }
}

/// @title Bonds, rulings and what becomes of them, over a real incident book
contract DisputesTest is IncidentBookBase {
    uint256 private constant MINIMUM_BOND = 1000e6;
    uint256 private constant BPS = 100;
    uint64 private constant HOUR = 1 hours;
    uint64 private constant LAPSE = 10 days;

    Disputes private disputes;
    HostileAsset private asset;
    ScriptedLimits private pool;
    address private disputer = makeAddr("disputer");
    address private defender = makeAddr("defender");
    address private proposer = makeAddr("proposer");

    function setUp() public override {
        super.setUp();
        asset = new HostileAsset(6);
        pool = new ScriptedLimits();
        disputes = new Disputes(book, ICoverPool(address(pool)), asset, MINIMUM_BOND, BPS);
        court = address(disputes);
        id = book.createTrigger(rollup());
        _endow(disputer);
        _endow(defender);
        down(0, 2 * HOUR, true);
        vm.prank(proposer);
        book.propose(id);
    }

    /* SETUP */

    function test_ASetupThatCannotWorkIsRefused() public {
        ICoverPool pool_ = ICoverPool(address(pool));
        _failsSetup("book");
        new Disputes(IIncidentBook(makeAddr("none")), pool_, asset, 1, 0);
        _failsSetup("pool");
        new Disputes(book, ICoverPool(makeAddr("none")), asset, 1, 0);
        _failsSetup("asset");
        new Disputes(book, pool_, HostileAsset(makeAddr("none")), 1, 0);
        _failsSetup("minimumBond");
        new Disputes(book, pool_, asset, 0, 0);
        _failsSetup("bondBps");
        new Disputes(book, pool_, asset, 1, 10_001);

        Disputes made = new Disputes(book, pool_, asset, 1, 10_000);
        assertEq(made.book(), address(book), "book");
        assertEq(made.pool(), address(pool), "pool");
        assertEq(made.asset(), address(asset), "asset");
        assertEq(made.minimumBond(), 1, "minimum");
        assertEq(made.bondBps(), 10_000, "part");
    }

    /* BONDS */

    function testFuzz_ABondScalesWithWhatIsInsuredRoundedUp(uint256 limits) public {
        limits = bound(limits, 0, 1e30);
        pool.set(limits);
        uint256 part = (limits * BPS + 9999) / 10_000;
        assertEq(disputes.bondFor(id), part > MINIMUM_BOND ? part : MINIMUM_BOND, "bond");
    }

    function test_ABondDoublesEachRoundOfTheIncidentAndStartsAnewWithTheNext() public {
        pool.set(500_000e6);
        for (uint256 round; round < 3; round++) {
            assertEq(disputes.bondFor(id), 5000e6 << round, "bond");
            _dispute(0);
            assertEq(disputes.caseOf(id).bond, 5000e6 << round, "posted");
            vm.prank(arbiter);
            disputes.rule(id, false);
        }
        passBy(HOUR);
        book.finalise(id);
        assertEq(disputes.bondFor(id), 5000e6, "the next incident");
    }

    function test_ADisputePostsItsBondAndIsTold() public {
        vm.expectEmit(address(disputes));
        emit IDisputes.DisputeRaised(id, 0, disputer, 1, T0 + HOUR, T0 + 2 * HOUR + LAPSE, MINIMUM_BOND);
        _dispute(HOUR);
        DisputeCase memory opened = disputes.caseOf(id);
        assertEq(opened.disputer, disputer, "disputer");
        assertEq(opened.defender, address(0), "defender");
        assertEq(opened.sequence, 0, "sequence");
        assertEq(opened.round, 1, "round");
        assertEq(opened.lapsesAt, T0 + 2 * HOUR + LAPSE, "lapses");
        assertEq(asset.balanceOf(address(disputes)), MINIMUM_BOND, "received");
        assertEq(disputes.held(), MINIMUM_BOND, "counted");
        assertEq(book.disputeOf(id).rounds, 1, "in the book");
    }

    function test_WhatTheBookRefusesCostsNothing() public {
        uint256 before = asset.balanceOf(disputer);
        vm.prank(disputer);
        vm.expectRevert(
            abi.encodeWithSelector(IIncidentBook.DisputeOutOfRange.selector, T0 - 1, T0, uint64(block.timestamp))
        );
        disputes.dispute(id, T0 - 1);
        assertEq(asset.balanceOf(disputer), before, "balance");
    }

    function test_AFeeOnTransferIsRefused() public {
        asset.setFee(1);
        vm.prank(disputer);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.FeeOnTransfer.selector, MINIMUM_BOND, MINIMUM_BOND - 1));
        disputes.dispute(id, T0);
        assertEq(book.disputeOf(id).rounds, 0, "nothing opened");
    }

    /* DEFENDING */

    function test_AnyoneDefendsOnceWithTheSameBond() public {
        _dispute(0);
        vm.expectEmit(address(disputes));
        emit IDisputes.DisputeDefended(id, 0, defender, MINIMUM_BOND);
        _defend();
        assertEq(disputes.caseOf(id).defender, defender, "defender");
        assertEq(disputes.held(), 2 * MINIMUM_BOND, "both bonds");
        vm.prank(disputer);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.AlreadyDefended.selector, defender));
        disputes.defend(id);
    }

    function test_NobodyDefendsWhatIsNotOpenOrLapsed() public {
        vm.prank(defender);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NoDispute.selector, id));
        disputes.defend(id);
        _dispute(0);
        uint64 lapsesAt = disputes.caseOf(id).lapsesAt;
        vm.warp(lapsesAt);
        vm.prank(defender);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.Lapsed.selector, lapsesAt));
        disputes.defend(id);
    }

    /* DECIDING */

    function test_UpheldTheDisputerGetsBothBondsAndTheTimeIsStruck() public {
        _dispute(HOUR);
        _defend();
        vm.expectEmit(address(disputes));
        emit IDisputes.DisputeDecided(id, 0, disputer, true, true, 2 * MINIMUM_BOND);
        vm.prank(arbiter);
        disputes.rule(id, true);
        assertEq(disputes.creditOf(disputer), 2 * MINIMUM_BOND, "credit");
        assertEq(book.struck(id, 0).length, 1, "struck");
        assertEq(disputes.caseOf(id).disputer, address(0), "closed");
    }

    function test_UpheldWithoutADefenderTheDisputerGetsItsBondBack() public {
        _dispute(HOUR);
        vm.prank(arbiter);
        disputes.rule(id, true);
        assertEq(disputes.creditOf(disputer), MINIMUM_BOND, "credit");
    }

    function test_RejectedTheDefenderGetsBothBonds() public {
        _dispute(HOUR);
        _defend();
        vm.prank(arbiter);
        disputes.rule(id, false);
        assertEq(disputes.creditOf(defender), 2 * MINIMUM_BOND, "credit");
        assertEq(book.struck(id, 0).length, 0, "nothing struck");
    }

    function test_RejectedWithoutADefenderTheFirstProposerGetsTheBond() public {
        _dispute(HOUR);
        vm.prank(arbiter);
        disputes.rule(id, false);
        assertEq(disputes.creditOf(proposer), MINIMUM_BOND, "credit");
    }

    function test_OnlyTheTriggersArbiterRules() public {
        _dispute(HOUR);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NotArbiter.selector, address(this)));
        disputes.rule(id, true);
        vm.prank(arbiter);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NoDispute.selector, bytes32("other")));
        disputes.rule("other", true);
    }

    function test_AnArbiterThatIsSilentLoses() public {
        _dispute(0);
        uint64 lapsesAt = disputes.caseOf(id).lapsesAt;
        vm.warp(lapsesAt - 1);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NotLapsed.selector, lapsesAt));
        disputes.conclude(id);
        vm.warp(lapsesAt);
        vm.prank(arbiter);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.Lapsed.selector, lapsesAt));
        disputes.rule(id, true);

        vm.expectEmit(address(disputes));
        emit IDisputes.DisputeDecided(id, 0, proposer, false, false, MINIMUM_BOND);
        disputes.conclude(id);
        book.finalise(id);
        assertEq(last().coveredSeconds, 2 * HOUR, "the sweep stands");
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NoDispute.selector, id));
        disputes.conclude(id);
    }

    function test_TheNextDisputeConcludesOneThatLapsed() public {
        _dispute(0);
        vm.prank(disputer);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NotLapsed.selector, T0 + 2 * HOUR + LAPSE));
        disputes.dispute(id, T0);
        passBy(LAPSE);
        _dispute(0);
        assertEq(disputes.creditOf(proposer), MINIMUM_BOND, "the first is lost");
        assertEq(disputes.caseOf(id).bond, 2 * MINIMUM_BOND, "the second");
        assertEq(disputes.held(), 3 * MINIMUM_BOND, "counted");
    }

    /// @dev The incident may be over and another one running before anybody concludes.
    function test_ALapsedDisputeOfAnEarlierIncidentIsConcludedWithItsOwnProposer() public {
        _dispute(0);
        passBy(LAPSE);
        book.finalise(id);
        down(uint64(block.timestamp - T0) + HOUR, uint64(block.timestamp - T0) + 3 * HOUR, true);
        vm.prank(defender);
        book.propose(id);
        disputes.conclude(id);
        assertEq(disputes.creditOf(proposer), MINIMUM_BOND, "the first one's proposer");
        assertEq(disputes.creditOf(defender), 0, "not the second one's");
    }

    /* THE ARBITER IS TOLD */

    function test_AnArbiterThatIsAContractIsTold() public {
        ScriptedArbiter told = _contractArbiter();
        _dispute(4 * HOUR);
        assertEq(
            told.told(),
            keccak256(abi.encode(id, 0, 1, T0 + 4 * HOUR, disputes.caseOf(id).lapsesAt, MINIMUM_BOND)),
            "what it was told"
        );
    }

    function test_AnArbiterThatMisbehavesHoldsNothingUp() public {
        ScriptedArbiter told = _contractArbiter();
        for (uint256 mood = 1; mood < 4; mood++) {
            told.setMood(ScriptedArbiter.Mood(mood));
            _dispute(4 * HOUR);
            assertEq(told.told(), 0, "failed");
            vm.prank(arbiter);
            disputes.rule(id, false);
        }
    }

    function testFuzz_NobodyKeepsTheArbiterFromBeingToldByStarvingGas(uint256 gas_) public {
        ScriptedArbiter told = _contractArbiter();
        gas_ = bound(gas_, 200_000, 900_000);
        vm.prank(disputer);
        try disputes.dispute{gas: gas_}(id, T0 + 4 * HOUR) {
            assertTrue(told.told() != 0, "told");
        } catch (bytes memory reason) {
            assertTrue(reason.length == 0 || bytes4(reason) == IDisputes.NotEnoughGas.selector, "no other reason");
        }
    }

    /* CREDITS */

    function test_ACreditIsWithdrawnOnceToWhomeverItsHolderSays() public {
        _dispute(HOUR);
        vm.prank(arbiter);
        disputes.rule(id, false);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NoCredit.selector, address(this)));
        disputes.withdraw(address(this));

        vm.expectEmit(address(disputes));
        emit IDisputes.CreditWithdrawn(proposer, defender, MINIMUM_BOND);
        uint256 before = asset.balanceOf(defender);
        vm.prank(proposer);
        assertEq(disputes.withdraw(defender), MINIMUM_BOND, "amount");
        assertEq(asset.balanceOf(defender) - before, MINIMUM_BOND, "received");
        assertEq(disputes.held(), 0, "counted");
        vm.prank(proposer);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NoCredit.selector, proposer));
        disputes.withdraw(proposer);
    }

    function test_AHolderThatCannotReceiveKeepsItsCredit() public {
        _dispute(HOUR);
        vm.prank(arbiter);
        disputes.rule(id, false);
        asset.refuse(proposer, HostileAsset.Refusal.REVERTS);
        vm.prank(proposer);
        vm.expectRevert();
        disputes.withdraw(proposer);
        assertEq(disputes.creditOf(proposer), MINIMUM_BOND, "kept");
    }

    function test_AReceiverThatCallsBackGetsNothingTwice() public {
        _dispute(HOUR);
        _defend();
        vm.prank(arbiter);
        disputes.rule(id, true);
        asset.hook(disputer, address(disputes), abi.encodeCall(IDisputes.withdraw, (disputer)));
        vm.prank(disputer);
        disputes.withdraw(disputer);
        assertEq(disputes.held(), 0, "once");
        assertEq(asset.balanceOf(address(disputes)), 0, "and no more");
    }

    /// @dev Whatever happens, what is counted is here, and is bonds and credits to the unit.
    function testFuzz_EveryUnitIsABondOrACredit(uint256 seed) public {
        pool.set(seed % 1e13);
        for (uint256 i; i < 24; i++) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 move = seed % 6;
            vm.prank(move == 2 ? arbiter : seed % 2 == 0 ? disputer : defender);
            if (move == 0) try disputes.dispute(id, T0 + uint64((seed >> 8) % (3 * HOUR))) {} catch {}
            if (move == 1) try disputes.defend(id) {} catch {}
            if (move == 2) try disputes.rule(id, (seed >> 8) % 2 == 0) {} catch {}
            if (move == 3) try disputes.conclude(id) {} catch {}
            if (move == 4) try disputes.withdraw(proposer) {} catch {}
            if (move > 4) passBy(uint64((seed >> 8) % (6 days)));
            if (move < 5) continue;
            try book.finalise(id) {} catch {}
            try book.propose(id) {} catch {}
        }
        DisputeCase memory opened = disputes.caseOf(id);
        uint256 bonds = opened.defender == address(0) ? opened.bond : 2 * opened.bond;
        uint256 credits = disputes.creditOf(disputer) + disputes.creditOf(defender) + disputes.creditOf(proposer)
            + disputes.creditOf(address(this));
        assertEq(disputes.held(), bonds + credits, "bonds and credits");
        assertEq(asset.balanceOf(address(disputes)), bonds + credits, "held");
    }

    /* HELPERS */

    function _endow(address who) private {
        asset.mint(who, 1e18);
        vm.prank(who);
        asset.approve(address(disputes), type(uint256).max);
    }

    function _dispute(uint64 from) private {
        vm.prank(disputer);
        disputes.dispute(id, T0 + from);
    }

    function _defend() private {
        vm.prank(defender);
        disputes.defend(id);
    }

    function _contractArbiter() private returns (ScriptedArbiter made) {
        made = new ScriptedArbiter();
        arbiter = address(made);
        id = book.createTrigger(rollup());
        down(3 * HOUR, 6 * HOUR, true);
        book.propose(id);
    }

    function _failsSetup(string memory reason) private {
        vm.expectRevert(abi.encodeWithSelector(IDisputes.InvalidSetup.selector, reason));
    }
}
