// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Span} from "../src/interfaces/IIncidentBook.sol";
import {IPolicyBook, Permit, Quote} from "../src/interfaces/IPolicyBook.sol";
import {CoverBase} from "./CoverBase.sol";

/// @title A policy continued without a gap
contract RenewalTest is CoverBase {
    uint256 private first;
    Quote private sold;

    function setUp() public override {
        super.setUp();
        _stake(staker, 200_000 * one);
        Quote memory quote = _quote();
        sold.start = quote.start;
        sold.end = quote.end;
        first = _buy(quote);
    }

    function _renewal() private returns (Quote memory quote) {
        quote = _quote();
        quote.renews = first;
        quote.start = sold.end;
        quote.end = quote.start + 30 days;
    }

    function _order(Quote memory quote) private {
        bytes memory signature = _sign(quote);
        vm.prank(buyer);
        policies.orderRenewal(quote, signer, signature);
    }

    function _refused(Quote memory quote, bytes memory reason) private {
        bytes memory signature = _sign(quote);
        _fund(quote.buyer, quote.premium);
        vm.startPrank(quote.buyer);
        vm.expectRevert(reason);
        policies.buy(quote, signer, signature);
        vm.expectRevert(reason);
        policies.orderRenewal(quote, signer, signature);
        vm.stopPrank();
    }

    function test_ItNeedsNoCoolingOff() public {
        vm.warp(sold.end - 1 hours);
        _catchUp();
        uint256 second = _buy(_renewal());
        assertEq(policies.policy(second).start, sold.end, "from the first one's end");
        assertTrue(policies.policy(first).renewed, "marked");

        uint256 sequence = _incident(TRIGGER, sold.end, 2 hours);
        assertEq(policies.claim(second, sequence), 3600 * one, "from the first second on");
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.NotCovered.selector, first, sold.end, sold.start, sold.end));
        policies.claim(first, sequence);
    }

    function test_WhatBeganBeforeIsTheFirstOnesAlone() public {
        vm.warp(sold.end - 1 hours);
        _catchUp();
        uint256 second = _buy(_renewal());
        uint256 sequence = _incident(TRIGGER, sold.end - 1, 2 hours);
        assertEq(policies.claim(first, sequence), 3600 * one, "the first pays in whole");
        vm.expectRevert(
            abi.encodeWithSelector(IPolicyBook.NotCovered.selector, second, sold.end - 1, sold.end, sold.end + 30 days)
        );
        policies.claim(second, sequence);
    }

    function test_OrderedWhileQuietItIsSoldByAnyoneWhateverHappensToTheTrigger() public {
        Quote memory quote = _renewal();
        vm.warp(sold.end - 20 days);
        _catchUp();
        quote.deadline = uint64(block.timestamp);
        _order(quote);
        bytes32 order = keccak256(abi.encode(policies.quoteDigest(quote), signer));
        assertEq(policies.renewalOrdered(first), order, "on record");
        _fund(buyer, quote.premium);

        vm.warp(sold.end);
        _catchUp();
        book.setAlarm(TRIGGER, 1);
        pool.poke(TRIGGER);
        vm.prank(standby);
        uint256 second = policies.buy(quote, signer, "");
        assertEq(policies.ownerOf(second), buyer, "the buyer's");
        assertEq(asset.balanceOf(buyer), 0, "at the buyer's cost");
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 20_000 * one, "both are held for");
    }

    function test_OrderedAfterTheAlarmItIsRefused() public {
        book.setAlarm(TRIGGER, 1);
        vm.warp(sold.end - 20 days);
        Quote memory quote = _renewal();
        _refused(quote, abi.encodeWithSelector(IPolicyBook.NotQuiet.selector, TRIGGER));
    }

    function test_OnlyWhatWasOrderedIsSoldDuringAnAlarm() public {
        vm.warp(sold.end - 20 days);
        _catchUp();
        Quote memory early = _renewal();
        _order(early);
        Quote memory later = _renewal();
        _order(later);
        book.setAlarm(TRIGGER, 1);

        _refusedToBuy(early, abi.encodeWithSelector(IPolicyBook.NotQuiet.selector, TRIGGER));
        later.premium += 1;
        _refusedToBuy(later, abi.encodeWithSelector(IPolicyBook.NotQuiet.selector, TRIGGER));
        later.premium -= 1;
        _buy(later);
    }

    function _refusedToBuy(Quote memory quote, bytes memory reason) private {
        bytes memory signature = _sign(quote);
        vm.prank(buyer);
        vm.expectRevert(reason);
        policies.buy(quote, signer, signature);
    }

    function test_OnceOnly() public {
        vm.warp(sold.end - 1 hours);
        _catchUp();
        _buy(_renewal());
        _refused(_renewal(), abi.encodeWithSelector(IPolicyBook.NotRenewable.selector, first));
    }

    function test_NotWhenCancelled() public {
        vm.warp(sold.end - 1 hours);
        _catchUp();
        vm.prank(buyer);
        policies.cancel(first);
        Quote memory quote = _renewal();
        quote.start = uint64(block.timestamp);
        _refused(quote, abi.encodeWithSelector(IPolicyBook.NotRenewable.selector, first));
    }

    function test_NotAfterTheEnd() public {
        vm.warp(sold.end + 1);
        _catchUp();
        Quote memory quote = _renewal();
        _refused(quote, abi.encodeWithSelector(IPolicyBook.QuoteOutOfBounds.selector, "start", sold.end, sold.end + 1));
    }

    function test_NotEarlierThanThirtyDaysBeforeTheEnd() public {
        Quote memory quote = _renewal();
        uint256 latest = block.timestamp + 30 days;
        _refused(quote, abi.encodeWithSelector(IPolicyBook.QuoteOutOfBounds.selector, "start", sold.end, latest));
    }

    function test_OnlyTheSameCoverOfTheSameHolder() public {
        vm.warp(sold.end - 1 days);
        _catchUp();
        Quote memory quote = _renewal();
        quote.terms.rate -= 1;
        _refused(quote, abi.encodeWithSelector(IPolicyBook.WrongQuote.selector, "terms"));
        quote = _renewal();
        quote.triggerId = OTHER_TRIGGER;
        _refused(quote, abi.encodeWithSelector(IPolicyBook.WrongQuote.selector, "triggerId"));
        quote = _renewal();
        quote.start += 1;
        _refused(quote, abi.encodeWithSelector(IPolicyBook.WrongQuote.selector, "start"));
        quote = _renewal();
        quote.standby = other;
        _refused(quote, abi.encodeWithSelector(IPolicyBook.WrongQuote.selector, "standby"));
        quote = _renewal();
        quote.buyer = other;
        _refused(quote, abi.encodeWithSelector(IPolicyBook.WrongQuote.selector, "buyer"));
    }

    function test_OnlyTheBuyerOrdersAndOnlyWhatRenews() public {
        vm.warp(sold.end - 1 days);
        _catchUp();
        Quote memory quote = _renewal();
        bytes memory signature = _sign(quote);
        vm.prank(other);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.WrongQuote.selector, "buyer"));
        policies.orderRenewal(quote, signer, signature);

        quote = _quote();
        signature = _sign(quote);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.UnknownPolicy.selector, 0));
        policies.orderRenewal(quote, signer, signature);
    }

    function test_AnOrderIsNoLeaveForAnUnderwriterWhoIsRemovedNorForAClosedTrigger() public {
        vm.warp(sold.end - 1 days);
        _catchUp();
        Quote memory quote = _renewal();
        _order(quote);
        policies.stopSales(TRIGGER);
        _refusedToBuy(quote, abi.encodeWithSelector(IPolicyBook.SalesClosed.selector, TRIGGER));
        policies.list(TRIGGER, _listing());
        policies.setUnderwriter(signer, 0);
        _refusedToBuy(quote, abi.encodeWithSelector(IPolicyBook.NotUnderwriter.selector, signer));
    }

    function test_ItsExclusionsMayBeOthers() public {
        vm.warp(sold.end - 1 days);
        _catchUp();
        Quote memory quote = _renewal();
        quote.exclusions = new Span[](1);
        quote.exclusions[0] = Span(sold.end + 1 days, sold.end + 2 days);
        uint256 second = _buy(quote);
        assertEq(policies.policy(second).exclusions.length, 1, "exclusions");
    }

    /* WHOSE ORDER IT IS */

    function _ordered() private returns (Quote memory quote) {
        vm.warp(sold.end - 20 days);
        _catchUp();
        quote = _renewal();
        _order(quote);
        _fund(buyer, quote.premium);
    }

    function test_AnOrderDiesWithItsUnderwriterThoughAnotherOneIsNamed() public {
        Quote memory quote = _ordered();
        address honest = vm.addr(0x40E57);
        policies.setUnderwriter(honest, uint96(10_000_000 * one));
        policies.setUnderwriter(signer, 0);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.BadSignature.selector, honest));
        policies.buy(quote, honest, "");
    }

    function test_AnOrderUsesNobodyElsesNonceNorCap() public {
        Quote memory quote = _ordered();
        address honest = vm.addr(0x40E57);
        policies.setUnderwriter(honest, uint96(25_000 * one));
        vm.prank(other);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.WrongQuote.selector, "buyer"));
        policies.buy(quote, honest, "");
    }

    function test_AnOrderIsBoughtWithAPermitToo() public {
        Quote memory quote = _ordered();
        _warpBy(2 hours);
        pool.accrue();
        Permit memory none;
        vm.prank(buyer);
        uint256 second = policies.buyWithPermit(quote, signer, "", none);
        assertEq(policies.ownerOf(second), buyer, "the buyer's");
    }

    function test_ReleasingPaysWhatWasOpenWhenItWasSold() public {
        Quote memory quote = _ordered();
        vm.warp(sold.end);
        _catchUp();
        book.open(TRIGGER);
        uint256 second = policies.buy(quote, signer, "");
        // What was proposed first is struck out or taken back; what is confirmed begins within the merge gap of it.
        book.confirm(TRIGGER, sold.end + 60, 2 hours);
        vm.warp(quote.end + TAIL + 1);
        _catchUp();
        book.finalise(TRIGGER);
        book.settle(TRIGGER);
        policies.release(second);
        assertEq(policies.policy(second).owed, 3600 * one, "paid before it is released");
    }
}
