// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CoverPool} from "../src/CoverPool.sol";
import {IncidentBook} from "../src/IncidentBook.sol";
import {PolicyBook} from "../src/PolicyBook.sol";
import {PolicyDescriptor} from "../src/PolicyDescriptor.sol";
import {TestAsset} from "../src/TestAsset.sol";
import {ICoverPool, Solvency} from "../src/interfaces/ICoverPool.sol";
import {IIncidentBook, Span, Trigger, TriggerPath} from "../src/interfaces/IIncidentBook.sol";
import {IPolicyBook, Listing, Quote, Semantics, Terms} from "../src/interfaces/IPolicyBook.sol";
import {Observation} from "../src/interfaces/IWatcherPath.sol";
import {WatcherPath} from "../src/paths/WatcherPath.sol";
import {Test} from "./Test.sol";

/// @title From the sale to the release, every contract the real one
contract CoverTest is Test {
    uint64 private constant T0 = 1_799_971_200;
    uint256 private constant ONE = 1e6;
    uint256 private constant DESK = 0xDE5C;
    uint256 private constant DEPOSIT_GAS = 80_000;
    uint256 private constant REQUEST_GAS = 100_000;
    uint256 private constant BUY_GAS = 600_000;
    uint256 private constant CLAIM_GAS = 180_000;

    TestAsset private asset;
    IncidentBook private book;
    PolicyBook private policies;
    CoverPool private pool;
    WatcherPath[3] private paths;
    bytes32 private trigger;
    bytes32 private constant SUBJECT = keccak256("eip155:42161");
    address private staker = makeAddr("staker");
    address private buyer = makeAddr("buyer");

    function setUp() public {
        vm.warp(T0);
        asset = new TestAsset("Test Dollar", "TUSD", 6);
        book = new IncidentBook();
        PolicyDescriptor descriptor = new PolicyDescriptor();
        address predicted = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        policies = new PolicyBook(address(this), ICoverPool(predicted), book, descriptor);
        pool = new CoverPool(address(this), asset, address(policies), book, address(0), "Cover Pool", "cPOOL", 7 days);

        trigger = book.createTrigger(_trigger());
        policies.list(trigger, Listing(100, 30 minutes, 2 hours, 7 days, 366 days, uint96(1_000_000 * ONE), true));
        policies.setUnderwriter(vm.addr(DESK), uint96(1_000_000 * ONE));
        pool.addScenario("Ethereum");
        pool.addToScenario(0, SUBJECT);

        asset.mint(staker, 100_000 * ONE);
        vm.startPrank(staker);
        asset.approve(address(pool), type(uint256).max);
        pool.deposit(100_000 * ONE, staker);
        vm.stopPrank();
    }

    function _trigger() private returns (Trigger memory made) {
        made.subjectId = "eip155:42161";
        made.paths = new TriggerPath[](3);
        for (uint256 i; i < 3; ++i) {
            address[] memory observers = new address[](1);
            observers[0] = vm.addr(i + 1);
            paths[i] = new WatcherPath(observers, 1);
            made.paths[i].path = address(paths[i]);
            made.paths[i].grace = 15 minutes;
            made.paths[i].maximumSilence = 30 days;
        }
        made.quorum = 2;
        made.mergeGap = 30 minutes;
        made.minimumSpell = 10 minutes;
        made.challengePeriod = 30 minutes;
        made.checkpointStep = 30 minutes;
        made.coolingOff = 1 days;
        made.tail = 7 days;
    }

    function _buy() private returns (uint256 id, uint64 start) {
        return _buy(1);
    }

    function _buy(uint256 nonce) private returns (uint256 id, uint64 start) {
        start = uint64(block.timestamp) + 1 days;
        Quote memory quote = Quote({
            pool: address(pool),
            asset: address(asset),
            buyer: buyer,
            triggerId: trigger,
            terms: Terms(1 hours, Semantics.RETENTION, uint64(ONE), 0, uint96(10_000 * ONE), uint96(25_000 * ONE)),
            start: start,
            end: start + 30 days,
            exclusions: new Span[](0),
            standby: address(0),
            premium: uint96(500 * ONE),
            modelVersion: keccak256("models"),
            renews: 0,
            nonce: nonce,
            deadline: uint64(block.timestamp)
        });
        asset.mint(buyer, quote.premium);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(DESK, policies.quoteDigest(quote));
        vm.startPrank(buyer);
        asset.approve(address(pool), quote.premium);
        id = policies.buy(quote, vm.addr(DESK), abi.encodePacked(r, s, v));
        vm.stopPrank();
    }

    function _report(uint256 path, uint64 from, uint64 until, bool ended) private {
        Observation[] memory seen = new Observation[](1);
        bytes[] memory signatures = new bytes[](1);
        seen[0] = Observation(SUBJECT, from, until, ended, uint64(block.timestamp));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(path + 1, paths[path].observationDigest(seen[0]));
        signatures[0] = abi.encodePacked(r, s, v);
        paths[path].report(seen, signatures);
    }

    function _alarm(uint256 path) private {
        uint64 now_ = uint64(block.timestamp);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(path + 1, paths[path].alarmDigest(SUBJECT, now_, now_));
        paths[path].raiseAlarm(SUBJECT, now_, now_, abi.encodePacked(r, s, v));
    }

    function test_AnOutageIsPaidWhileItRunsAndToTheUnitWhenItIsOver() public {
        (uint256 id, uint64 start) = _buy();
        uint64 from = start + 3 days;

        // The first sign: one family's alarm. Exits are priced net of the possible loss, sales stop.
        vm.warp(from + 5 minutes);
        _alarm(0);
        pool.poke(trigger);
        assertEq(pool.reserveOf(trigger), 10_000 * ONE, "reserve at the first alarm");
        assertFalse(book.quiet(trigger), "sales are shut");

        // Two hours in: two families agree, half an hour later it is confirmed and paid, the chain still down.
        vm.warp(from + 2 hours);
        _report(0, from, from + 2 hours, false);
        _report(1, from + 60, from + 2 hours, false);
        book.propose(trigger);
        vm.warp(from + 2 hours + 30 minutes);
        book.confirm(trigger, 0);
        assertEq(policies.claim(id, 0), (1 hours - 60) * ONE, "an hour, less the minute that one family saw");
        assertEq(pool.reserveOf(trigger), (10_000 - 1 hours + 60) * ONE, "reserve for the rest");

        // It ends after three hours.
        vm.warp(from + 3 hours);
        _report(0, from + 2 hours, from + 3 hours, true);
        _report(1, from + 2 hours, from + 3 hours, true);
        book.propose(trigger);
        vm.warp(from + 4 hours);
        book.finalise(trigger);
        assertEq(policies.claim(id, 0), 1 hours * ONE, "the last hour");
        assertEq(policies.claim(id, 0), 0, "once");
        assertEq(asset.balanceOf(buyer), (2 hours - 60) * ONE, "received in all");

        // A settlement window later the pool is free of it.
        vm.warp(from + 4 hours + 1 days);
        pool.poke(trigger);
        assertEq(pool.solvency().reserve, 0, "reserve when settled");
        assertEq(pool.exposureOf(SUBJECT), (25_000 - 2 hours + 60) * ONE, "what can still be owed");

        vm.warp(start + 30 days + 7 days + 1);
        pool.accrue();
        policies.release(id);
        Solvency memory s = pool.solvency();
        assertEq(s.exposed, 0, "exposure at the end");
        assertEq(pool.totalAssets(), (100_500 - 2 hours + 60) * ONE, "the stakers' at the end");
        assertEq(asset.balanceOf(address(pool)), s.assets + s.claimable, "counted is held");
    }

    function test_EvidenceOnThePathsForbidsTheReleaseUntilItIsDealtWith() public {
        (uint256 id, uint64 start) = _buy();
        uint64 from = start + 30 days - 1 hours;
        vm.warp(start + 37 days + 1);
        _report(0, from, from + 3 hours, true);
        _report(1, from, from + 3 hours, true);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.EvidencePending.selector, trigger));
        policies.release(id);

        book.propose(trigger);
        vm.warp(block.timestamp + 30 minutes);
        book.finalise(trigger);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.TriggerUnsettled.selector, trigger));
        policies.release(id);
        vm.warp(block.timestamp + 1 days);
        policies.release(id);
        assertEq(asset.balanceOf(buyer), 2 hours * ONE, "paid by the release itself");
    }

    function _reportByTwo(uint64 from, uint64 until) private {
        _report(0, from, until, false);
        _report(1, from, until, false);
    }

    function test_AChainThatNeverComesBackHoldsNoPolicyUpThatEndedBefore() public {
        (uint256 id, uint64 start) = _buy();
        uint64 dead = start + 31 days;
        uint64 told = dead;
        for (uint64 week = 1; week < 4; ++week) {
            vm.warp(dead + week * 168 hours + 1 hours);
            pool.accrue();
            _reportByTwo(told, uint64(block.timestamp));
            told = uint64(block.timestamp);
            book.propose(trigger);
            vm.warp(block.timestamp + 31 minutes);
            pool.poke(trigger);
            book.finalise(trigger);
            book.propose(trigger);
            pool.poke(trigger);
        }
        assertFalse(pool.priceReliable(), "a reserve stands for nobody");
        policies.release(id);
        pool.accrue();
        assertEq(pool.exposureOf(SUBJECT), 0, "exposure");
        assertTrue(pool.priceReliable(), "deposits are open, the chain still down");
    }

    function test_Lesson10_AnOutageOlderThanTheStartIsNotPaidAfterItsFirstWeek() public {
        (uint256 id, uint64 start) = _buy();
        uint64 down = start - 20 hours;
        vm.warp(down + 169 hours);
        _reportByTwo(down, uint64(block.timestamp));
        book.propose(trigger);
        vm.warp(block.timestamp + 31 minutes);
        book.finalise(trigger);
        vm.warp(down + 178 hours);
        _reportByTwo(down + 169 hours, uint64(block.timestamp));
        book.propose(trigger);
        vm.warp(block.timestamp + 31 minutes);
        book.confirm(trigger, 0);
        assertEq(book.incident(trigger, 1).from, down + 168 hours, "the second week");
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.NotCovered.selector, id, down, start, start + 30 days));
        policies.claim(id, 1);
    }

    /// @dev Regression bounds for moves whose kind has been made before; they hold with each call a transaction of its own too.
    function test_GasStaysWithinItsBounds() public {
        _buy(1);
        asset.mint(staker, 2 * ONE);
        vm.startPrank(staker);
        pool.requestRedeem(1e6, staker, staker);
        uint256 left = gasleft();
        pool.deposit(ONE, staker);
        assertLe(left - gasleft(), DEPOSIT_GAS, "deposit");
        vm.warp(block.timestamp + 1 days);
        left = gasleft();
        pool.requestRedeem(1e6, staker, staker);
        assertLe(left - gasleft(), REQUEST_GAS, "requestRedeem");
        vm.stopPrank();

        left = gasleft();
        (uint256 id, uint64 start) = _buy(2);
        assertLe(left - gasleft(), BUY_GAS, "buy, with its test's own calls");

        vm.warp(start + 2 hours);
        _report(0, start, start + 2 hours, false);
        _report(1, start, start + 2 hours, false);
        book.propose(trigger);
        vm.warp(start + 150 minutes);
        book.confirm(trigger, 0);
        policies.claim(1, 0);
        left = gasleft();
        policies.claim(id, 0);
        assertLe(left - gasleft(), CLAIM_GAS, "claim");
    }
}
