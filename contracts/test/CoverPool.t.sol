// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

import {CoverPool} from "../src/CoverPool.sol";
import {ICoverPool, Sale, Solvency} from "../src/interfaces/ICoverPool.sol";
import {IIncidentBook} from "../src/interfaces/IIncidentBook.sol";
import {Quote} from "../src/interfaces/IPolicyBook.sol";
import {CoverBase} from "./CoverBase.sol";
import {HostileAsset} from "./HostileAsset.sol";

contract CoverPoolTest is CoverBase {
    /* DEPOSITS */

    function testFuzz_WhatIsPreviewedIsWhatHappens(uint96 first, uint96 second, uint32 later, uint96 minted) public {
        _stake(staker, bound(first, 30_000 * one, 1e30));
        _buy();
        _warpBy(bound(later, 0, 60 days));
        uint256 amount = bound(second, one, 1e30);
        uint256 shares = pool.previewDeposit(amount);
        assertEq(_stake(other, amount), shares, "shares of the deposit");

        uint256 wanted = bound(minted, 1e6, 1e36);
        uint256 cost = pool.previewMint(wanted);
        _fund(other, cost);
        vm.prank(other);
        assertEq(pool.mint(wanted, other), cost, "cost of the mint");
        assertEq(asset.balanceOf(other), 0, "nothing is left over");
        _balanced("counted is held");
    }

    function testFuzz_ComingAndGoingGainsNothing(uint96 stake, uint96 amount) public {
        _stake(staker, bound(stake, 30_000 * one, 1e30));
        _buy();
        _warpBy(10 days);
        uint256 given = bound(amount, 1, 1e30);
        uint256 shares = _stake(other, given);
        assertLe(pool.convertToAssets(shares), given, "worth");
    }

    function test_Lesson7_TheFirstDepositorCannotInflateThePrice() public {
        _stake(other, 1);
        asset.mint(address(pool), 100_000 * one);
        assertEq(pool.totalAssets(), 1, "what was given counts for nothing");
        uint256 shares = _stake(staker, 10_000 * one);
        assertEq(pool.convertToAssets(shares), 10_000 * one, "the second depositor's worth");
    }

    function test_AnAssetThatTakesAFeeIsRefused() public {
        asset.setFee(1);
        _fund(staker, 100);
        vm.prank(staker);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.FeeOnTransfer.selector, 100, 99));
        pool.deposit(100, staker);
    }

    function test_NothingIsNoDeposit() public {
        vm.expectRevert(ICoverPool.ZeroAmount.selector);
        pool.deposit(0, staker);
        vm.expectRevert(ICoverPool.ZeroAmount.selector);
        pool.mint(0, staker);
    }

    function test_DepositsWaitWhileAReserveStands() public {
        _stake(staker, 100_000 * one);
        _buy();
        book.setAlarm(TRIGGER, 1);
        pool.poke(TRIGGER);
        assertFalse(pool.priceReliable(), "price");
        assertEq(pool.maxDeposit(other), 0, "most");
        assertEq(pool.maxMint(other), 0, "most shares");
        _fund(other, 100);
        vm.prank(other);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.ReserveStands.selector, 10_000 * one));
        pool.deposit(100, other);
    }

    /// @dev Two causes at once take more than there is: what is left in the pool is premium that nobody has earned yet.
    function _loseEverything(uint8 decimals) private {
        if (decimals != 6) _deploy(decimals);
        _addThird();
        _stake(staker, 25_000 * one);
        Quote memory quote = _quote();
        quote.terms.incidentLimit = quote.terms.aggregateLimit;
        uint256 first = _buy(quote);
        quote = _quote();
        quote.triggerId = THIRD_TRIGGER;
        uint256 second = _buy(quote);
        vm.warp(quote.start + 10 hours);
        _incident(TRIGGER, quote.start, 1 hours + 25_000);
        _incident(THIRD_TRIGGER, quote.start, 1 hours + 200);
        policies.claim(first, 0);
        policies.claim(second, 0);
        _end(TRIGGER);
        _end(THIRD_TRIGGER);
        pool.payDebt(first, _triggers());
        pool.payDebt(second, _triggers());
        Solvency memory s = pool.solvency();
        assertEq(s.debts + s.reserve, 0, "no debts, no reserve");
        assertLt(s.assets, s.unearned, "assets below unearned premium");
    }

    function test_DepositsWaitWhileSharesAreWorthNothing() public {
        _loseEverything(18);
        assertFalse(pool.priceReliable(), "price");
        assertEq(pool.maxDeposit(other), 0, "most");
        assertEq(pool.maxMint(other), 0, "most shares");
        _fund(other, one);
        bytes memory tooLow = abi.encodeWithSelector(ICoverPool.PriceTooLow.selector, 0, pool.totalSupply());
        vm.startPrank(other);
        vm.expectRevert(tooLow);
        pool.deposit(1, other);
        vm.expectRevert(tooLow);
        pool.mint(1, other);
        vm.stopPrank();

        _warpBy(40 days);
        _catchUp();
        assertTrue(pool.priceReliable(), "price, once premium is earned");
        uint256 shares = _stake(other, 1_000 * one);
        assertLe(pool.convertToAssets(shares), 1_000 * one, "a deposit gains nothing");
        uint256 batch = _request(other, shares);
        _warpBy(1 days);
        policies.release(1);
        policies.release(2);
        _mature(batch);
        pool.settle(_triggers());
        assertGe(pool.maxWithdraw(other), 1_000 * one - 1, "and can leave again");
    }

    function test_TheConstructorRefusesWhatCannotWork() public {
        IIncidentBook incidents = IIncidentBook(address(book));
        HostileAsset fine = new HostileAsset(19);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.InvalidSetup.selector, "asset"));
        new CoverPool(address(this), fine, address(policies), incidents, address(0), "P", "P", 0);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.InvalidSetup.selector, "policyBook"));
        new CoverPool(address(this), asset, address(0), incidents, address(0), "P", "P", 0);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.InvalidSetup.selector, "book"));
        new CoverPool(address(this), asset, address(policies), IIncidentBook(address(1)), address(0), "P", "P", 0);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.InvalidSetup.selector, "cooldown"));
        new CoverPool(address(this), asset, address(policies), incidents, address(0), "P", "P", 90 days + 1);
    }

    /* PREMIUM */

    function testFuzz_EarnedAndUnearnedAreWhatWasWritten(uint96[4] memory premiums, uint32[4] memory terms, uint32 at)
        public
    {
        _stake(staker, 1_000_000 * one);
        uint256 written;
        for (uint256 i; i < 4; ++i) {
            Quote memory quote = _quote();
            quote.premium = uint96(bound(premiums[i], 300 * one, type(uint88).max));
            quote.end = quote.start + uint64(bound(terms[i], 7 days, 60 days));
            _buy(quote);
            written += quote.premium;
            _warpBy(bound(at, 0, 5 days));
            _catchUp();
        }
        (uint256 total, uint256 earned) = pool.premiums();
        assertEq(total, written, "written");
        assertEq(earned + pool.solvency().unearned, written, "earned and unearned");

        _warpBy(64 days);
        _catchUp();
        (, earned) = pool.premiums();
        assertEq(earned, written, "all of it in the end, to the unit");
        assertEq(pool.totalAssets(), 1_000_000 * one + written, "the stakers'");
    }

    function test_PremiumIsEarnedEvenlyBetweenDayBoundaries() public {
        _stake(staker, 100_000 * one);
        Quote memory quote = _quote();
        quote.premium = uint96(300 * one);
        _buy(quote);
        // Cover runs from noon to noon; the premium from the midnights after.
        vm.warp(quote.start + 12 hours);
        (, uint256 earned) = pool.premiums();
        assertEq(earned, 0, "before the first boundary");
        vm.warp(quote.start + 12 hours + 15 days);
        (, earned) = pool.premiums();
        assertEq(earned, 150 * one - 1, "half the term, rounded down");
        vm.warp(quote.end + 12 hours);
        (, earned) = pool.premiums();
        assertEq(earned, 300 * one, "in the end");
    }

    function test_Lesson13_CatchingUpIsBoundedAndResumable() public {
        _stake(staker, 100_000 * one);
        Quote memory quote = _quote();
        quote.end = quote.start + 300 days;
        _buy(quote);
        _warpBy(200 days);
        pool.accrue();
        uint64 upTo = pool.accruedUpTo();
        assertLt(upTo, block.timestamp, "behind");
        assertFalse(pool.priceReliable(), "price");
        assertEq(pool.maxDeposit(other), 0, "most");
        _fund(other, 100);
        vm.prank(other);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.CatchUpNeeded.selector, upTo + 64 days));
        pool.deposit(100, other);

        _catchUp();
        assertTrue(pool.priceReliable(), "price at last");
        (, uint256 earned) = pool.premiums();
        // 200 days from noon, less the day of cooling-off and half a day to the boundary.
        assertEq(earned, 500 * one * 397 / 600, "earned as if in one go");
    }

    /* SALES AND SCENARIOS */

    function test_OnlyThePolicyBookSellsPaysAndUnlocks() public {
        bytes memory reason = abi.encodeWithSelector(ICoverPool.NotPolicyBook.selector, address(this));
        vm.expectRevert(reason);
        pool.sell(Sale(TRIGGER, SUBJECT, 1, 1, 1, 1, 1, 1, buyer));
        vm.expectRevert(reason);
        pool.pay(1, TRIGGER, SUBJECT, buyer, 1, 1, 0);
        vm.expectRevert(reason);
        pool.unlock(TRIGGER, SUBJECT, 1, 1);
    }

    function test_Lesson5_LimitsOfAllSubjectsThatOneCauseCanStopAddUp() public {
        _stake(staker, 50_000 * one);
        _buy();
        Quote memory quote = _quote();
        quote.triggerId = OTHER_TRIGGER;
        _buy(quote);
        assertEq(pool.scenarioExposure(0), 50_000 * one, "scenario");
        assertEq(pool.exposureOf(OTHER_SUBJECT), 25_000 * one, "subject");
        assertEq(pool.solvency().free, 0, "free");

        quote = _quote();
        quote.terms.failoverBenefit = 0;
        quote.terms.incidentLimit = quote.terms.aggregateLimit = uint96(7_200 * one);
        _fund(buyer, quote.premium);
        bytes memory signature = _sign(quote);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.Insolvent.selector, 0, 57_200 * one, 50_000 * one));
        policies.buy(quote, signer, signature);
    }

    function test_ASubjectWithoutScenarioIsNotSold() public {
        _stake(staker, 50_000 * one);
        bytes32 triggerId = keccak256("lonely");
        bytes32 subject = keccak256("eip155:5");
        book.addTrigger(triggerId, subject, COOLING_OFF, TAIL, CHALLENGE);
        policies.list(triggerId, _listing());
        Quote memory quote = _quote();
        quote.triggerId = triggerId;
        _fund(buyer, quote.premium);
        bytes memory signature = _sign(quote);
        vm.prank(buyer);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.NoScenario.selector, subject));
        policies.buy(quote, signer, signature);
    }

    function test_ASubjectBringsItsLimitsIntoANewScenario() public {
        _stake(staker, 50_000 * one);
        _buy();
        uint256 scenario = pool.addScenario("one cloud");
        pool.addToScenario(scenario, SUBJECT);
        assertEq(pool.scenarioExposure(scenario), 25_000 * one, "limits in force");
        assertEq(pool.scenariosOf(SUBJECT), 3, "bit set");
        assertEq(pool.scenarioCount(), 2, "count");
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.AlreadyInScenario.selector, scenario, SUBJECT));
        pool.addToScenario(scenario, SUBJECT);
    }

    function test_ScenariosAreBoundedAndTheOwners() public {
        for (uint256 i = 1; i < 32; ++i) {
            pool.addScenario("more");
        }
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.TooManyScenarios.selector, 32));
        pool.addScenario("too many");
        for (uint256 i = 1; i < 8; ++i) {
            pool.addToScenario(i, SUBJECT);
        }
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.TooManyScenarios.selector, 8));
        pool.addToScenario(8, SUBJECT);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.UnknownScenario.selector, 32));
        pool.addToScenario(32, SUBJECT);
        vm.expectRevert(abi.encodeWithSelector(ICoverPool.UnknownScenario.selector, 32));
        pool.scenarioExposure(32);

        vm.startPrank(staker);
        bytes memory reason = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, staker);
        vm.expectRevert(reason);
        pool.addScenario("mine");
        vm.expectRevert(reason);
        pool.addToScenario(0, SUBJECT);
        vm.stopPrank();
    }

    function test_Lesson6_AFlashDepositMovesNoPrice() public {
        _stake(staker, 50_000 * one);
        _buy();
        uint256 price = pool.convertToAssets(1e18);
        uint256 shares = _stake(other, 1_000_000_000 * one);
        assertEq(pool.convertToAssets(1e18), price, "price of a share");
        uint256 batch = _request(other, shares);
        bytes32[] memory all = _triggers();
        vm.expectRevert(
            abi.encodeWithSelector(ICoverPool.BatchNotMature.selector, batch, uint64((batch + 1) * 1 days + COOLDOWN))
        );
        pool.settle(all);
    }

    /* DECIMALS */

    function test_Lesson15_EighteenDecimalsWorkAsSixDo() public {
        _deploy(18);
        uint256 shares = _stake(staker, 50_000 * one);
        assertEq(pool.decimals(), 24, "decimals of the share");
        Quote memory quote = _quote();
        uint256 id = _buy(quote);
        uint256 sequence = _incident(TRIGGER, quote.start, 2 hours);
        assertEq(policies.claim(id, sequence), 3600 * one, "claim");
        _end(TRIGGER);
        vm.warp(quote.end + TAIL + 1);
        _catchUp();
        policies.release(id);
        uint256 batch = _request(staker, shares);
        _mature(batch);
        (,, uint256 assets) = pool.settle(_triggers());
        assertGe(assets, 46_900 * one - 1, "stake and premium less the claim, rounded down");
        assertLe(assets, 46_900 * one, "never more");
        assertLe(pool.totalAssets(), 1, "dust");
    }
}
