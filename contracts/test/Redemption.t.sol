// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC4626} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";

import {ICoverPool, Solvency} from "../src/interfaces/ICoverPool.sol";
import {Quote} from "../src/interfaces/IPolicyBook.sol";
import {RedeemQueue} from "../src/libraries/RedeemQueue.sol";
import {CoverBase} from "./CoverBase.sol";

contract RedemptionTest is CoverBase {
    /* REDEMPTION REQUESTS */

    function test_ARequestMovesTheSharesAndPreviewsRevert() public {
        uint256 shares = _stake(staker, 1_000 * one);
        uint256 batch = _request(staker, shares / 2);
        assertEq(batch, block.timestamp / 1 days, "batch");
        assertEq(pool.balanceOf(staker), shares / 2, "shares left");
        assertEq(pool.pendingRedeemRequest(batch, staker), shares / 2, "pending");
        assertEq(pool.claimableRedeemRequest(batch, staker), 0, "claimable");
        assertEq(pool.maxRedeem(staker) + pool.maxWithdraw(staker), 0, "nothing at once");
        assertEq(pool.share(), address(pool), "share");
        vm.expectRevert(ICoverPool.SynchronousRedemptionUnavailable.selector);
        pool.previewRedeem(1);
        vm.expectRevert(ICoverPool.SynchronousRedemptionUnavailable.selector);
        pool.previewWithdraw(1);
        vm.expectRevert(ICoverPool.ZeroAmount.selector);
        pool.requestRedeem(0, staker, staker);
    }

    function test_OnlyOwnerOperatorOrAllowanceMovesShares() public {
        _stake(staker, 1_000 * one);
        vm.prank(other);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, other, 0, 5));
        pool.requestRedeem(5, staker, staker);

        vm.prank(staker);
        pool.approve(other, 5);
        vm.prank(other);
        pool.requestRedeem(5, staker, staker);
        assertEq(pool.allowance(staker, other), 0, "allowance is spent");

        vm.prank(staker);
        pool.setOperator(other, true);
        assertTrue(pool.isOperator(staker, other), "operator");
        vm.prank(other);
        uint256 batch = pool.requestRedeem(7, staker, staker);
        assertEq(pool.pendingRedeemRequest(batch, staker), 12, "requests of a day join");
    }

    function test_NobodyFillsOrEmptiesAnothersQueue() public {
        _stake(staker, 1_000 * one);
        vm.prank(staker);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.NotOwnerOrOperator.selector, staker));
        pool.requestRedeem(5, other, staker);

        uint256 batch = _request(staker, 100 * one);
        _mature(batch);
        pool.settle(_triggers());
        vm.startPrank(other);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.NotOwnerOrOperator.selector, other));
        pool.redeem(1, other, staker);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.NotOwnerOrOperator.selector, other));
        pool.withdraw(1, other, staker);
        vm.stopPrank();
    }

    function test_Lesson13_ARequestersQueueIsBounded() public {
        _stake(staker, 1_000 * one);
        for (uint256 i; i < 8; ++i) {
            _request(staker, 1);
            _warpBy(1 days);
        }
        vm.prank(staker);
        vm.expectRevert(abi.encodeWithSelector(RedeemQueue.TooManyRequests.selector, staker, 8));
        pool.requestRedeem(1, staker, staker);
    }

    function test_TheInterfacesOfTheStandardsAreDeclared() public view {
        assertTrue(pool.supportsInterface(0xe3bc4e65), "operators");
        assertTrue(pool.supportsInterface(0x620ee8e4), "asynchronous redemption");
        assertTrue(pool.supportsInterface(0x2f0a18c5), "share");
        assertTrue(pool.supportsInterface(0x01ffc9a7), "introspection");
        assertFalse(pool.supportsInterface(0xffffffff), "nothing else");
    }

    /* SETTLING */

    function test_ABatchMaturesACooldownAfterItsDay() public {
        uint256 shares = _stake(staker, 1_000 * one);
        bytes32[] memory all = _triggers();
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.NothingToSettle.selector, 0, 0, 0));
        pool.settle(all);
        uint256 batch = _request(staker, shares);
        uint64 maturesAt = uint64((batch + 1) * 1 days + COOLDOWN);
        vm.warp(maturesAt - 1);
        all = _triggers();
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.BatchNotMature.selector, batch, maturesAt));
        pool.settle(all);

        vm.warp(maturesAt);
        (uint256 settled, uint256 burnt, uint256 assets) = pool.settle(_triggers());
        assertEq(settled, batch, "batch");
        assertEq(burnt, shares, "shares");
        assertEq(assets, 1_000 * one, "assets");
        assertEq(pool.totalSupply(), 0, "supply");
        assertEq(pool.claimableRedeemRequest(batch, staker), shares, "claimable");
        assertEq(pool.maxWithdraw(staker), 1_000 * one, "most to withdraw");

        vm.prank(staker);
        assertEq(pool.redeem(shares, other, staker), 1_000 * one, "redeemed");
        assertEq(asset.balanceOf(other), 1_000 * one, "receiver's balance");
        vm.prank(staker);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.NothingClaimable.selector, staker));
        pool.redeem(1, staker, staker);
        _balanced("counted is held");
    }

    function test_ASettledRequestIsTakenInPartsToTheUnit() public {
        uint256 shares = _stake(staker, 1_000 * one);
        uint256 batch = _request(staker, shares);
        _mature(batch);
        pool.settle(_triggers());
        vm.startPrank(staker);
        assertEq(pool.withdraw(300 * one, staker, staker), shares * 3 / 10, "shares used up");
        assertEq(pool.redeem(shares / 2, staker, staker), 500 * one, "half");
        vm.expectRevert(
            abi.encodeWithSelector(ERC4626.ERC4626ExceededMaxWithdraw.selector, staker, 201 * one, 200 * one)
        );
        pool.withdraw(201 * one, staker, staker);
        vm.expectRevert(abi.encodeWithSelector(ERC4626.ERC4626ExceededMaxRedeem.selector, staker, shares, shares / 5));
        pool.redeem(shares, staker, staker);
        vm.expectRevert(ICoverPool.ZeroAmount.selector);
        pool.redeem(0, staker, staker);
        vm.expectRevert(ICoverPool.ZeroAmount.selector);
        pool.withdraw(0, staker, staker);
        assertEq(pool.withdraw(200 * one, staker, staker), shares / 5, "the rest");
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.NothingClaimable.selector, staker));
        pool.withdraw(1, staker, staker);
        vm.stopPrank();
        assertEq(asset.balanceOf(staker), 1_000 * one, "all of it");
    }

    function test_Lesson8_WhoAsksToLeaveSharesTheLossThatComesBeforeTheyAreOut() public {
        uint256 shares = _stake(staker, 20_000 * one);
        _stake(other, 20_000 * one);
        Quote memory quote = _quote();
        quote.premium = uint96(52 * one);
        uint256 id = _buy(quote);
        uint256 batch = _request(staker, shares);
        vm.warp(quote.start);
        uint256 sequence = _incident(TRIGGER, quote.start, 2 hours + 6400);
        policies.claim(id, sequence);
        _end(TRIGGER);
        _mature(batch);
        pool.settle(_triggers());
        uint256 out = pool.maxWithdraw(staker);
        assertLe(out, 15_030 * one, "half of the loss, less premium earned");
        assertGe(out, 14_900 * one, "half of the loss");
    }

    function test_Lesson8_FromTheFirstAlarmExitsArePricedNetOfThePossibleLoss() public {
        uint256 shares = _stake(staker, 50_000 * one);
        _stake(other, 50_000 * one);
        Quote memory quote = _quote();
        _buy(quote);
        uint256 batch = _request(staker, shares);
        _mature(batch);
        book.setAlarm(TRIGGER, 1);
        pool.poke(TRIGGER);
        assertEq(pool.reserveOf(TRIGGER), 10_000 * one, "reserve");
        uint256 worth = pool.totalAssets() - 10_000 * one;
        (,, uint256 assets) = pool.settle(_triggers());
        assertLe(assets, worth / 2, "half of what is left");
        assertGe(assets, worth / 2 - 2, "half of what is left, rounded down");
    }

    /* WHAT A BATCH KNOWS */

    /// @dev Two stakers of 50,000 each, cover of 30,000, and the first staker's batch.
    function _leaving() private returns (uint256 shares, uint256 id, uint256 batch) {
        shares = _stake(staker, 50_000 * one);
        _stake(other, 50_000 * one);
        Quote memory quote = _quote();
        quote.terms.incidentLimit = quote.terms.aggregateLimit = uint96(30_000 * one);
        id = _buy(quote);
        batch = _request(staker, shares);
    }

    function test_AReserveThatNobodyReleasedTakesNothingFromExits() public {
        (uint256 shares,, uint256 batch) = _leaving();
        book.setAlarm(TRIGGER, 1);
        pool.poke(TRIGGER);
        book.setAlarm(TRIGGER, 0);
        _mature(batch);
        uint256 fair = pool.convertToAssets(shares);
        (,, uint256 assets) = pool.settle(_triggers());
        assertGe(assets, fair, "paid in full");
    }

    function test_Lesson8_NobodyLeavesAheadOfALossThatNobodyPoked() public {
        (,, uint256 batch) = _leaving();
        _mature(batch);
        _incident(TRIGGER, uint64(block.timestamp) - 40 hours, 40 hours);
        uint256 worth = pool.totalAssets() - 30_000 * one;
        (,, uint256 assets) = pool.settle(_triggers());
        assertLe(assets, worth / 2, "half of what the loss leaves");
        assertEq(pool.reserveOf(TRIGGER), 30_000 * one, "latched by the settlement");
    }

    function test_Lesson8_ALateClaimOnASettledIncidentLeavesTheReserveOfTheRunningOneAlone() public {
        uint256 shares = _stake(staker, 50_000 * one);
        _stake(other, 50_000 * one);
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256 batch = _request(staker, shares);
        vm.warp(quote.start + 1 days);
        _incident(TRIGGER, quote.start, 40 hours);
        pool.poke(TRIGGER);
        _end(TRIGGER);
        _mature(batch);
        _incident(TRIGGER, uint64(block.timestamp) - 40 hours, 40 hours);
        pool.poke(TRIGGER);
        assertEq(policies.claim(id, 0), 10_000 * one, "the late claim");
        assertEq(pool.reserveOf(TRIGGER), 10_000 * one, "reserve of the running incident");
        assertFalse(pool.priceReliable(), "deposits stay shut");
        uint256 worth = pool.totalAssets() - 10_000 * one;
        (,, uint256 assets) = pool.settle(_triggers());
        assertLe(assets, worth / 2, "half of what the running one leaves");
        assertEq(policies.claim(id, 1), 10_000 * one, "its own claim");
        assertEq(pool.reserveOf(TRIGGER), 0, "is what it was held for");
    }

    function test_EachTriggerWithLimitsInForceIsNamedOnce() public {
        (,, uint256 batch) = _leaving();
        Quote memory quote = _quote();
        quote.triggerId = OTHER_TRIGGER;
        _buy(quote);
        _mature(batch);
        bytes32[] memory all = _triggers();
        assertEq(all.length, 2, "in force");
        bytes32[] memory named = new bytes32[](1);
        named[0] = TRIGGER;
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.TriggersMissing.selector, 30_000 * one, 40_000 * one));
        pool.settle(named);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.TriggersMissing.selector, 0, 40_000 * one));
        pool.payDebt(1, new bytes32[](0));
        named = new bytes32[](2);
        (named[0], named[1]) = (TRIGGER, TRIGGER);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.TriggersNotAscending.selector, TRIGGER));
        pool.settle(named);
        (named[0], named[1]) = (all[1], all[0]);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.TriggersNotAscending.selector, all[0]));
        pool.settle(named);
        pool.settle(all);
    }

    function test_ThePoolIsNoReceiverOfWhatItPays() public {
        uint256 shares = _stake(staker, 1_000 * one);
        uint256 batch = _request(staker, shares);
        _mature(batch);
        pool.settle(_triggers());
        vm.startPrank(staker);
        bytes memory reason = abi.encodeWithSelector(ICoverPool.InvalidReceiver.selector, address(pool));
        vm.expectRevert(reason);
        pool.redeem(shares, address(pool), staker);
        vm.expectRevert(reason);
        pool.withdraw(1, address(pool), staker);
        vm.stopPrank();
    }

    function test_ABatchTakesOnlyWhatSolvencyLeavesAndTheRestIsFirstInLine() public {
        uint256 shares = _stake(staker, 40_000 * one);
        Quote memory quote = _quote();
        quote.end = quote.start + 60 days;
        _buy(quote);
        uint256 firstBatch = _request(staker, shares / 2);
        _warpBy(1 days);
        uint256 secondBatch = _request(staker, shares / 2);
        _mature(secondBatch);

        (uint256 batch, uint256 part, uint256 assets) = pool.settle(_triggers());
        assertEq(batch, firstBatch, "oldest first");
        assertLt(part, shares / 2, "not all of it");
        assertLe(assets, 15_000 * one + 100 * one, "what 25,000 in force leaves");
        Solvency memory s = pool.solvency();
        assertGe(s.assets - s.unearned, s.exposed, "cover stays backed");
        bytes32[] memory all = _triggers();
        bytes memory full = abi.encodeWithSelector(
            ICoverPool.NothingToSettle.selector,
            shares / 2 - part,
            s.assets - s.unearned,
            s.assets - s.unearned - s.exposed
        );
        vm.expectRevert(full);
        pool.settle(all);
        assertEq(pool.claimableRedeemRequest(secondBatch, staker), 0, "the second waits");
        assertEq(
            pool.claimableRedeemRequest(firstBatch, staker) + pool.pendingRedeemRequest(firstBatch, staker),
            shares / 2,
            "nothing of the first is lost"
        );

        vm.warp(quote.end + TAIL + 1);
        _catchUp();
        policies.release(1);
        (batch,,) = pool.settle(_triggers());
        assertEq(batch, firstBatch, "first in line");
        (batch,,) = pool.settle(_triggers());
        assertEq(batch, secondBatch, "then the second");
        uint256 most = pool.maxRedeem(staker);
        assertEq(most, shares / 2 * 2, "all of both");
        vm.prank(staker);
        pool.redeem(most, staker, staker);
        _balanced("counted is held");
    }

    function test_MaturedExitsComeBeforeSales() public {
        uint256 shares = _stake(staker, 40_000 * one);
        _buy();
        uint256 batch = _request(staker, shares);
        Quote memory quote = _quote();
        _mature(batch);
        Solvency memory s = pool.solvency();
        assertGe(s.maturedExits, 40_000 * one, "matured exits, rounded up");
        assertEq(s.free, 0, "free for sales");

        quote = _quote();
        quote.terms.aggregateLimit = quote.terms.incidentLimit;
        _fund(buyer, quote.premium);
        bytes memory signature = _sign(quote);
        uint256 available = s.assets - s.unearned - s.maturedExits;
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.Insolvent.selector, 0, 35_000 * one, available));
        policies.buy(quote, signer, signature);
    }

    function testFuzz_TheQueueNeverPaysMoreThanWasSettled(uint96[3] memory amounts, uint8[8] memory takes) public {
        address[3] memory stakers = [staker, other, makeAddr("third")];
        uint256[3] memory shares;
        for (uint256 i; i < 3; ++i) {
            shares[i] = _stake(stakers[i], bound(amounts[i], 10_000 * one, 30_000 * one + i));
        }
        _buy();
        uint256 batch;
        for (uint256 i; i < 3; ++i) {
            batch = _request(stakers[i], shares[i]);
        }
        _mature(batch);
        pool.settle(_triggers());
        for (uint256 i; i < 8; ++i) {
            address who = stakers[takes[i] % 3];
            uint256 most = pool.maxWithdraw(who);
            if (most == 0) continue;
            uint256 before = asset.balanceOf(who);
            vm.prank(who);
            pool.withdraw(most / (1 + takes[i] % 4) + most % (1 + takes[i] % 4), who, who);
            assertLe(asset.balanceOf(who) - before, most, "taken");
        }
        (,, uint256 settledFor,) = pool.redeemBatch(batch);
        uint256 taken;
        for (uint256 i; i < 3; ++i) {
            taken += asset.balanceOf(stakers[i]);
        }
        assertLe(taken, settledFor, "all taken together");
        _balanced("counted is held");
    }

    function test_Lesson13_ABatchWorthNothingDoesNotHoldUpTheNext() public {
        uint256 shares = _stake(staker, 1_000 * one);
        _stake(other, 1_000 * one);
        uint256 dust = _request(other, 1);
        _warpBy(1 days);
        uint256 batch = _request(staker, shares);
        _mature(batch);
        (uint256 settled,, uint256 assets) = pool.settle(_triggers());
        assertEq(settled, dust, "the dust goes first");
        assertEq(assets, 0, "and is worth nothing");
        (settled,, assets) = pool.settle(_triggers());
        assertEq(settled, batch, "the next batch");
        assertEq(assets, 1_000 * one, "is paid in full");

        vm.prank(other);
        assertEq(pool.redeem(1, other, other), 0, "dust redeemed");
        assertEq(pool.maxRedeem(other), 0, "the request is gone");
    }

    function test_NothingIsSettledWhileTheReserveIsAllThereIs() public {
        uint256 shares = _stake(staker, 25_000 * one);
        Quote memory quote = _quote();
        quote.terms.incidentLimit = quote.terms.aggregateLimit;
        _buy(quote);
        uint256 batch = _request(staker, shares);
        vm.warp(quote.start);
        _incident(TRIGGER, quote.start, 2 hours);
        pool.poke(TRIGGER);
        _mature(batch);
        _refusesToSettle(batch, shares, pool.totalAssets() - 25_000 * one);
    }

    function test_NothingIsSettledWhileTheReservesExceedTheAssets() public {
        _addThird();
        uint256 shares = _stake(staker, 25_000 * one);
        Quote memory quote = _quote();
        quote.terms.incidentLimit = quote.terms.aggregateLimit;
        _buy(quote);
        Quote memory next = _quote();
        next.terms.incidentLimit = next.terms.aggregateLimit;
        next.triggerId = THIRD_TRIGGER;
        _buy(next);
        uint256 batch = _request(staker, shares);
        vm.warp(quote.start);
        _incident(TRIGGER, quote.start, 2 hours);
        _incident(THIRD_TRIGGER, quote.start, 2 hours);
        _mature(batch);
        // Else its shares would be burnt for nothing, while the alarms may be false.
        _refusesToSettle(batch, shares, 0);
    }

    function _refusesToSettle(uint256 batch, uint256 shares, uint256 net) private {
        bytes32[] memory all = _triggers();
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.NothingToSettle.selector, shares, net, 0));
        pool.settle(all);
        assertEq(pool.pendingRedeemRequest(batch, staker), shares, "still pending");
    }
}
