// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CoverPool} from "../../src/CoverPool.sol";
import {PolicyBook} from "../../src/PolicyBook.sol";
import {ICoverPool, Solvency} from "../../src/interfaces/ICoverPool.sol";
import {Incident, Span} from "../../src/interfaces/IIncidentBook.sol";
import {IPolicyBook, Policy, Quote, Semantics, Terms} from "../../src/interfaces/IPolicyBook.sol";
import {HostileAsset} from "../HostileAsset.sol";
import {ScriptedBook} from "../ScriptedBook.sol";
import {Insured} from "../harness/Insured.sol";
import {Test} from "../Test.sol";

/// @title Stakers, buyers, claims, alarms and time, in any order
/// @dev A move may be refused, but only for a reason that the move may have; any other revert fails the run.
contract Handler is Test {
    uint256 private constant SIGNER_KEY = 0xA11CE;
    uint256 private constant STOLEN_KEY = 0x57013;
    uint256 private constant MOST_POLICIES = 12;

    CoverPool private immutable _pool;
    PolicyBook private immutable _policies;
    ScriptedBook private immutable _book;
    HostileAsset private immutable _asset;
    uint256 private immutable _one;

    bytes32[3] public triggers;
    address[3] public stakers;
    address[3] public buyers;
    /// @notice Premium bought less premium paid back.
    uint256 public premiums;
    /// @notice Most that the thief of an underwriter's key may have in force.
    uint256 public constant THIEFS_CAP = 60_000;
    uint256 private _nonce;
    /// @notice The policies sold.
    uint256[] public ids;
    /// @notice What the holders of a policy were sent or credited.
    mapping(uint256 policyId => uint256) public received;

    function policyCount() external view returns (uint256) {
        return ids.length;
    }

    constructor(
        CoverPool pool,
        PolicyBook policies,
        ScriptedBook book,
        HostileAsset asset,
        bytes32[3] memory triggers_
    ) {
        (_pool, _policies, _book, _asset, triggers) = (pool, policies, book, asset, triggers_);
        _one = 10 ** asset.decimals();
        stakers = [makeAddr("s0"), makeAddr("s1"), makeAddr("s2")];
        buyers = [makeAddr("b0"), makeAddr("b1"), makeAddr("b2")];
        for (uint256 i; i < 3; ++i) {
            vm.prank(stakers[i]);
            asset.approve(address(pool), type(uint256).max);
            vm.prank(buyers[i]);
            asset.approve(address(pool), type(uint256).max);
        }
    }

    function _among(bytes memory reason, bytes4 first, bytes4 second, bytes4 third) private pure {
        bytes4 why = bytes4(reason);
        assertTrue(why == first || why == second || why == third, vm.toString(bytes32(reason)));
    }

    /* STAKERS */

    function deposit(uint256 who, uint256 amount) external {
        address staker = stakers[who % 3];
        amount = bound(amount, 1, 200_000 * _one);
        _asset.mint(staker, amount);
        uint256 shares = _pool.previewDeposit(amount);
        bool reliable = _pool.priceReliable();
        vm.prank(staker);
        try _pool.deposit(amount, staker) returns (uint256 minted) {
            assertTrue(reliable, "deposit at an unreliable price");
            assertEq(minted, shares, "preview of the deposit");
        } catch (bytes memory reason) {
            _among(
                reason,
                ICoverPool.ReserveStands.selector,
                ICoverPool.DebtsStand.selector,
                reliable
                    ? ICoverPool.ZeroAmount.selector
                    : bytes4(reason) == ICoverPool.PriceTooLow.selector
                        ? ICoverPool.PriceTooLow.selector
                        : ICoverPool.CatchUpNeeded.selector
            );
        }
    }

    function requestRedeem(uint256 who, uint256 shares) external {
        address staker = stakers[who % 3];
        uint256 balance = _pool.balanceOf(staker);
        if (balance == 0) return;
        vm.prank(staker);
        try _pool.requestRedeem(bound(shares, 1, balance), staker, staker) {}
        catch (bytes memory reason) {
            bytes4 full = bytes4(keccak256("TooManyRequests(address,uint256)"));
            _among(reason, full, full, full);
        }
    }

    function settle() external {
        Solvency memory before = _pool.solvency();
        try _pool.settle(Insured.triggers(_pool, triggers)) returns (uint256, uint256, uint256 assets) {
            Solvency memory s = _pool.solvency();
            assertEq(before.assets - s.assets, assets, "what left the counted assets");
            if (assets > 0) {
                assertGe(s.assets, s.unearned + s.reserve + s.debts + s.exposed, "backing after a batch");
            }
        } catch (bytes memory reason) {
            _among(
                reason,
                ICoverPool.NothingToSettle.selector,
                ICoverPool.BatchNotMature.selector,
                ICoverPool.CatchUpNeeded.selector
            );
        }
    }

    function redeem(uint256 who, uint256 shares) external {
        address staker = stakers[who % 3];
        uint256 most = _pool.maxRedeem(staker);
        if (most == 0) return;
        uint256 before = _asset.balanceOf(staker);
        vm.prank(staker);
        uint256 assets = _pool.redeem(bound(shares, 1, most), staker, staker);
        assertEq(_asset.balanceOf(staker) - before, assets, "redeemed");
    }

    function withdraw(uint256 who, uint256 assets) external {
        address staker = stakers[who % 3];
        uint256 most = _pool.maxWithdraw(staker);
        if (most == 0) return;
        vm.prank(staker);
        _pool.withdraw(bound(assets, 1, most), staker, staker);
    }

    /* POLICIES */

    function buy(uint256 who, uint256 trigger, uint256 limit, uint256 term, bool qualifying) external {
        if (ids.length == MOST_POLICIES) return;
        Quote memory quote = _quote(buyers[who % 3], triggers[trigger % 3], limit, term, qualifying);
        _asset.mint(quote.buyer, quote.premium);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SIGNER_KEY, _policies.quoteDigest(quote));
        vm.prank(quote.buyer);
        try _policies.buy(quote, vm.addr(SIGNER_KEY), abi.encodePacked(r, s, v)) returns (uint256 bought) {
            ids.push(bought);
            premiums += quote.premium;
            _backed(quote.triggerId);
        } catch (bytes memory reason) {
            _among(
                reason, ICoverPool.Insolvent.selector, IPolicyBook.NotQuiet.selector, ICoverPool.CatchUpNeeded.selector
            );
        }
    }

    /// @dev The limits of each scenario of what was sold.
    function _backed(bytes32 triggerId) private view {
        (bytes32 subject,,,) = _book.triggerRules(triggerId);
        uint256 set = _pool.scenariosOf(subject);
        Solvency memory s = _pool.solvency();
        for (uint256 i; set >> i > 0; ++i) {
            if (set >> i & 1 == 0) continue;
            uint256 needed = s.unearned + s.reserve + s.debts + s.maturedExits + _pool.scenarioExposure(i);
            assertGe(s.assets, needed, "backing after a sale");
        }
    }

    function _quote(address buyer, bytes32 triggerId, uint256 limit, uint256 term, bool qualifying)
        private
        returns (Quote memory)
    {
        uint96 incidentLimit = uint96(bound(limit, 11_300 * _one, 40_000 * _one));
        uint64 start = uint64(block.timestamp) + 1 days;
        return Quote({
            pool: address(_pool),
            asset: address(_asset),
            buyer: buyer,
            triggerId: triggerId,
            terms: Terms({
                waiting: 1 hours,
                semantics: qualifying ? Semantics.QUALIFYING : Semantics.RETENTION,
                rate: uint64(_one),
                failoverBenefit: uint96(500 * _one),
                incidentLimit: incidentLimit,
                aggregateLimit: incidentLimit * 2
            }),
            start: start,
            end: start + uint64(bound(term, 7 days, 40 days)),
            exclusions: new Span[](0),
            standby: buyer,
            premium: uint96(uint256(incidentLimit) / 50 + term % 7),
            modelVersion: 0,
            renews: 0,
            nonce: ++_nonce,
            deadline: uint64(block.timestamp)
        });
    }

    /// @notice Whoever has an underwriter's key sells the longest and largest cover at no premium to a friend.
    function steal(uint256 who, uint256 trigger, uint256 limit, uint256 rate, uint256 waiting, uint256 premium)
        external
    {
        if (ids.length == MOST_POLICIES) return;
        Quote memory quote = _quote(buyers[who % 3], triggers[trigger % 3], limit, 400 days, false);
        quote.end = quote.start + uint64(bound(waiting, 7 days, 380 days));
        quote.terms.waiting = uint32(bound(waiting, 0, 3 hours));
        quote.terms.rate = uint64(bound(rate, 0, 10 * _one));
        quote.terms.failoverBenefit = uint96(bound(rate, 0, quote.terms.incidentLimit));
        quote.premium = uint96(bound(premium, 0, quote.terms.incidentLimit / 20));
        _asset.mint(quote.buyer, quote.premium);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(STOLEN_KEY, _policies.quoteDigest(quote));
        vm.prank(quote.buyer);
        try _policies.buy(quote, vm.addr(STOLEN_KEY), abi.encodePacked(r, s, v)) returns (uint256 bought) {
            ids.push(bought);
            premiums += quote.premium;
            uint256 floor = quote.terms.aggregateLimit * uint256(quote.end - quote.start) / 100 / 365 days;
            assertGe(quote.premium, floor, "at or above the floor");
            assertGe(quote.terms.waiting, 30 minutes, "no less than the least waiting");
            (uint256 cap, uint256 inForce) = _policies.underwriterLimits(vm.addr(STOLEN_KEY));
            assertEq(cap, THIEFS_CAP * _one, "cap");
            assertLe(inForce, cap, "within the cap");
        } catch (bytes memory reason) {
            if (bytes4(reason) == ICoverPool.Insolvent.selector) return;
            if (bytes4(reason) == ICoverPool.CatchUpNeeded.selector) return;
            _among(
                reason,
                IPolicyBook.QuoteOutOfBounds.selector,
                IPolicyBook.NotQuiet.selector,
                IPolicyBook.CapExceeded.selector
            );
        }
    }

    function cancel(uint256 which) external {
        uint256 count = ids.length;
        if (count == 0) return;
        uint256 id = ids[which % count];
        address holder = _policies.ownerOf(id);
        vm.prank(holder);
        try _policies.cancel(id) returns (uint256 refund) {
            premiums -= refund;
            assertEq(_policies.policy(id).owed, 0, "owed by what is cancelled");
            assertLe(refund, _policies.policy(id).premium, "refund");
        } catch (bytes memory reason) {
            if (bytes4(reason) == ICoverPool.CatchUpNeeded.selector) return;
            if (bytes4(reason) == ICoverPool.DebtsStand.selector) return;
            _among(
                reason, IPolicyBook.CoverOver.selector, IPolicyBook.NotQuiet.selector, IPolicyBook.OwedAlready.selector
            );
        }
    }

    /// @notice A policy is continued without a gap: ordered first, or bought at once.
    function renew(uint256 which, bool order) external {
        uint256 count = ids.length;
        if (count == 0 || count == MOST_POLICIES) return;
        uint256 id = ids[which % count];
        Policy memory known = _policies.policy(id);
        address holder = _policies.ownerOf(id);
        Quote memory quote = _quote(holder, known.triggerId, 0, 10 days, false);
        (quote.terms, quote.standby, quote.renews) = (known.terms, known.standby, id);
        (quote.start, quote.end) = (known.end, known.end + 10 days);
        quote.premium = uint96(quote.terms.aggregateLimit / 60);
        _asset.mint(holder, quote.premium);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SIGNER_KEY, _policies.quoteDigest(quote));
        bytes memory signature = abi.encodePacked(r, s, v);
        if (order) {
            vm.prank(holder);
            try _policies.orderRenewal(quote, vm.addr(SIGNER_KEY), signature) {}
            catch (bytes memory reason) {
                _refusedRenewal(reason);
                return;
            }
        } else {
            vm.prank(holder);
        }
        try _policies.buy(quote, vm.addr(SIGNER_KEY), signature) returns (uint256 bought) {
            ids.push(bought);
            premiums += quote.premium;
            assertTrue(_policies.policy(id).renewed, "renewed");
            _backed(known.triggerId);
        } catch (bytes memory reason) {
            _refusedRenewal(reason);
        }
    }

    function _refusedRenewal(bytes memory reason) private pure {
        if (bytes4(reason) == ICoverPool.Insolvent.selector) return;
        if (bytes4(reason) == ICoverPool.CatchUpNeeded.selector) return;
        _among(
            reason,
            IPolicyBook.NotRenewable.selector,
            IPolicyBook.NotQuiet.selector,
            IPolicyBook.QuoteOutOfBounds.selector
        );
    }

    function impair(uint256 trigger, bool impaired) external {
        _book.setImpaired(triggers[trigger % 3], impaired);
    }

    function claim(uint256 which, uint256 sequence) public {
        uint256 count = ids.length;
        if (count == 0) return;
        uint256 id = ids[which % count];
        bytes32 triggerId = _policies.policy(id).triggerId;
        uint256 incidents = _book.incidentCount(triggerId);
        if (incidents == 0) return;

        try _policies.claim(id, sequence % incidents) returns (uint256 paid) {
            received[id] += paid;
        } catch (bytes memory reason) {
            _among(
                reason,
                IPolicyBook.NotCovered.selector,
                IPolicyBook.UnknownIncident.selector,
                IPolicyBook.AlreadyReleased.selector
            );
        }
        assertEq(_policies.policy(id).released ? 0 : _again(id, sequence % incidents), 0, "a second claim");
    }

    function _again(uint256 id, uint256 sequence) private returns (uint256 paid) {
        try _policies.claim(id, sequence) returns (uint256 sent) {
            return sent;
        } catch {
            return 0;
        }
    }

    function activateFailover(uint256 which) external {
        uint256 count = ids.length;
        if (count == 0) return;
        uint256 id = ids[which % count];
        vm.prank(_policies.policy(id).standby);
        _policies.activateFailover(id);
    }

    function release(uint256 which) public {
        uint256 count = ids.length;
        if (count == 0) return;
        uint256 id = ids[which % count];
        Policy memory before = _policies.policy(id);
        try _policies.release(id) {
            Policy memory released = _policies.policy(id);
            // What the release itself paid; debts apart.
            received[id] += released.paid - before.paid;
        } catch (bytes memory reason) {
            _among(
                reason,
                IPolicyBook.NotReleasable.selector,
                IPolicyBook.TriggerUnsettled.selector,
                IPolicyBook.AlreadyReleased.selector
            );
        }
    }

    function payDebt(uint256 which) external {
        uint256 count = ids.length;
        if (count == 0) return;
        uint256 id = ids[which % count];
        received[id] += _pool.payDebt(id, Insured.triggers(_pool, triggers));
    }

    function freeze(uint256 who, bool frozen) external {
        _asset.refuse(buyers[who % 3], frozen ? HostileAsset.Refusal.REVERTS : HostileAsset.Refusal.NONE);
    }

    function withdrawCredit(uint256 who, uint256 to) external {
        address buyer = buyers[who % 3];
        if (_pool.creditOf(buyer) == 0) return;
        vm.prank(buyer);
        _pool.withdrawCredit(stakers[to % 3]);
    }

    /* WHAT HAPPENS */

    function alarm(uint256 trigger, uint256 families) external {
        _book.setAlarm(triggers[trigger % 3], families % 4);
    }

    function openIncident(uint256 trigger, uint256 back, uint256 covered) external {
        bytes32 triggerId = triggers[trigger % 3];
        if (!_book.unsettled(triggerId)) _book.open(triggerId);
        if (back % 2 == 0) confirm(trigger, back, covered);
    }

    function confirm(uint256 trigger, uint256 back, uint256 covered) public {
        bytes32 triggerId = triggers[trigger % 3];
        uint256 count = _book.incidentCount(triggerId);
        if (count == 0) return;
        Incident memory incident = _book.incident(triggerId, count - 1);
        if (incident.finalAt != 0) return;
        uint64 from = incident.from == 0 ? uint64(block.timestamp - bound(back, 0, 3 days)) : incident.from;
        _book.confirm(triggerId, from, incident.coveredSeconds + uint64(bound(covered, 1, 24 hours)));
    }

    function finalise(uint256 trigger) public {
        bytes32 triggerId = triggers[trigger % 3];
        if (!_book.unsettled(triggerId)) return;
        _book.finalise(triggerId);
        _book.settle(triggerId);
    }

    /// @notice Everything that is insured stops at once, is confirmed, claimed by whom it may concern, and settled or not.
    function outage(uint256 covered, uint256 first, bool settled) external {
        uint64 from = uint64(block.timestamp);
        for (uint256 i; i < 3; ++i) {
            if (_book.unsettled(triggers[i])) return;
        }
        for (uint256 i; i < 3; ++i) {
            _book.open(triggers[i]);
            _book.confirm(triggers[i], from, uint64(bound(covered, 2 hours, 60 hours)));
            _pool.poke(triggers[i]);
        }
        uint256 count = ids.length;
        for (uint256 i; i < count; ++i) {
            uint256 which = (i + first % count) % count;
            claim(which, _book.incidentCount(_policies.policy(ids[which]).triggerId) - 1);
        }
        for (uint256 i; i < 3 && settled; ++i) {
            _book.finalise(triggers[i]);
            _book.settle(triggers[i]);
            _pool.poke(triggers[i]);
        }
    }

    /// @notice Time goes on until a policy's tail is over, everything open is settled by then.
    function lapse(uint256 which) external {
        uint256 count = ids.length;
        if (count == 0) return;
        uint256 id = ids[which % count];
        uint256 over = _policies.policy(id).end + 7 days + 1;
        if (block.timestamp < over) vm.warp(over);
        for (uint256 i; i < 3; ++i) {
            finalise(i);
        }
        while (_pool.accruedUpTo() != block.timestamp) _pool.accrue();
        release(which);
    }

    function poke(uint256 trigger) external {
        _pool.poke(triggers[trigger % 3]);
    }

    function accrue() external {
        _pool.accrue();
    }

    function donate(uint256 shares) external {
        address staker = stakers[shares % 3];
        uint256 balance = _pool.balanceOf(staker);
        vm.prank(staker);
        _pool.transfer(address(_pool), balance / 1000);
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 12 days));
    }
}
