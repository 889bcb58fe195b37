// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CoverPool} from "../src/CoverPool.sol";
import {PolicyBook} from "../src/PolicyBook.sol";
import {PolicyDescriptor} from "../src/PolicyDescriptor.sol";
import {ICoverPool, Solvency} from "../src/interfaces/ICoverPool.sol";
import {IIncidentBook, Span} from "../src/interfaces/IIncidentBook.sol";
import {Listing, Quote, Semantics, Terms} from "../src/interfaces/IPolicyBook.sol";
import {HostileAsset} from "./HostileAsset.sol";
import {ScriptedBook} from "./ScriptedBook.sol";
import {Insured} from "./harness/Insured.sol";
import {Permit2, RealPermit2} from "./harness/Permit2.sol";
import {Test} from "./Test.sol";

/// @title A pool, its policies and a scripted incident book, with two triggers that one scenario joins
abstract contract CoverBase is Test {
    bytes32 internal constant TRIGGER = keccak256("trigger");
    bytes32 internal constant SUBJECT = keccak256("eip155:42161");
    bytes32 internal constant OTHER_TRIGGER = keccak256("other trigger");
    bytes32 internal constant OTHER_SUBJECT = keccak256("eip155:10");
    bytes32 internal constant THIRD_TRIGGER = keccak256("third trigger");
    bytes32 internal constant THIRD_SUBJECT = keccak256("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp");
    uint32 internal constant COOLING_OFF = 1 days;
    uint32 internal constant TAIL = 7 days;
    uint32 internal constant CHALLENGE = 30 minutes;
    uint64 internal constant COOLDOWN = 7 days;
    uint64 internal constant NOON = 1_800_000_000 - 1_800_000_000 % 1 days + 12 hours;
    uint256 internal constant SIGNER_KEY = 0xA11CE;

    HostileAsset internal asset;
    ScriptedBook internal book;
    CoverPool internal pool;
    PolicyDescriptor internal descriptor;
    Permit2 internal permit2;
    PolicyBook internal policies;

    address internal signer = vm.addr(SIGNER_KEY);
    address internal staker = makeAddr("staker");
    address internal buyer = makeAddr("buyer");
    address internal standby = makeAddr("standby");
    address internal other = makeAddr("other staker");
    uint256 internal nonce;
    uint256 internal one;

    function setUp() public virtual {
        _deploy(6);
    }

    function _deploy(uint8 decimals) internal {
        vm.warp(NOON);
        one = 10 ** decimals;
        asset = new HostileAsset(decimals);
        book = new ScriptedBook();
        descriptor = new PolicyDescriptor();
        permit2 = RealPermit2.install(vm);
        address predicted = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        IIncidentBook incidents = IIncidentBook(address(book));
        policies = new PolicyBook(address(this), ICoverPool(predicted), incidents, descriptor);
        pool = new CoverPool(
            address(this), asset, address(policies), incidents, address(permit2), "Cover Pool", "cPOOL", COOLDOWN
        );
        assertEq(address(pool), predicted, "predicted address of the pool");

        book.addTrigger(TRIGGER, SUBJECT, COOLING_OFF, TAIL, CHALLENGE);
        book.addTrigger(OTHER_TRIGGER, OTHER_SUBJECT, COOLING_OFF, TAIL, CHALLENGE);
        policies.list(TRIGGER, _listing());
        policies.list(OTHER_TRIGGER, _listing());
        policies.setUnderwriter(signer, uint96(10_000_000 * one));
        pool.addScenario("Ethereum");
        pool.addToScenario(0, SUBJECT);
        pool.addToScenario(0, OTHER_SUBJECT);
    }

    function _listing() internal view returns (Listing memory) {
        return Listing({
            floorRate: 100,
            minimumWaiting: 30 minutes,
            minimumSecondsToLimit: 2 hours,
            minimumTerm: 7 days,
            maximumTerm: 366 days,
            cap: uint96(1_000_000 * one),
            open: true
        });
    }

    /// @dev One unit a second beyond an hour, at most 10,000 an incident and 25,000 in all.
    function _terms() internal view returns (Terms memory) {
        return Terms({
            waiting: 1 hours,
            semantics: Semantics.RETENTION,
            rate: uint64(one),
            failoverBenefit: uint96(1_000 * one),
            incidentLimit: uint96(10_000 * one),
            aggregateLimit: uint96(25_000 * one)
        });
    }

    function _quote() internal returns (Quote memory) {
        uint64 start = uint64(block.timestamp) + COOLING_OFF;
        return Quote({
            pool: address(pool),
            asset: address(asset),
            buyer: buyer,
            triggerId: TRIGGER,
            terms: _terms(),
            start: start,
            end: start + 30 days,
            exclusions: new Span[](0),
            standby: standby,
            premium: uint96(500 * one),
            modelVersion: keccak256("models"),
            renews: 0,
            nonce: ++nonce,
            deadline: uint64(block.timestamp) + 10 minutes
        });
    }

    function _sign(Quote memory quote) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SIGNER_KEY, policies.quoteDigest(quote));
        return abi.encodePacked(r, s, v);
    }

    function _buy(Quote memory quote) internal returns (uint256 policyId) {
        _fund(quote.buyer, quote.premium);
        bytes memory signature = _sign(quote);
        vm.prank(quote.buyer);
        return policies.buy(quote, signer, signature);
    }

    function _buy() internal returns (uint256) {
        return _buy(_quote());
    }

    function _fund(address account, uint256 amount) internal {
        asset.mint(account, amount);
        vm.prank(account);
        asset.approve(address(pool), type(uint256).max);
    }

    function _stake(address account, uint256 amount) internal returns (uint256 shares) {
        _fund(account, amount);
        vm.prank(account);
        return pool.deposit(amount, account);
    }

    function _request(address account, uint256 shares) internal returns (uint256 batch) {
        vm.prank(account);
        return pool.requestRedeem(shares, account, account);
    }

    /// @dev An incident that began `from` and is confirmed for `covered` seconds, open still.
    function _incident(bytes32 triggerId, uint64 from, uint64 covered) internal returns (uint256 sequence) {
        sequence = book.open(triggerId);
        book.confirm(triggerId, from, covered);
    }

    function _end(bytes32 triggerId) internal {
        book.finalise(triggerId);
        book.settle(triggerId);
        pool.poke(triggerId);
    }

    /// @dev The triggers with limits in force, in ascending order.
    function _triggers() internal view returns (bytes32[] memory) {
        return Insured.triggers(pool, [TRIGGER, OTHER_TRIGGER, THIRD_TRIGGER]);
    }

    /// @dev A subject that shares no scenario with the others: if all stop, limits may exceed the assets.
    function _addThird() internal {
        book.addTrigger(THIRD_TRIGGER, THIRD_SUBJECT, COOLING_OFF, TAIL, CHALLENGE);
        policies.list(THIRD_TRIGGER, _listing());
        pool.addScenario("its own");
        pool.addToScenario(1, THIRD_SUBJECT);
    }

    /// @dev Lets premium be earned however long it was.
    function _catchUp() internal {
        while (pool.accruedUpTo() != block.timestamp) pool.accrue();
    }

    function _warpBy(uint256 time) internal {
        vm.warp(block.timestamp + time);
    }

    /// @dev Takes assets out of the pool as no operation can, to see what claims do when they exceed the assets.
    function _lose(uint256 left) internal {
        bytes32 slot;
        for (uint256 i; i < 64; ++i) {
            if (uint128(uint256(vm.load(address(pool), bytes32(i)))) == pool.solvency().assets) slot = bytes32(i);
        }
        uint256 word = uint256(vm.load(address(pool), slot));
        vm.store(address(pool), slot, bytes32(word >> 128 << 128 | left));
        assertEq(pool.solvency().assets, left, "assets left");
        uint256 surplus = asset.balanceOf(address(pool)) - left;
        vm.prank(address(pool));
        asset.transfer(address(0xdead), surplus);
    }

    function _balanced(string memory when) internal view {
        Solvency memory s = pool.solvency();
        assertEq(asset.balanceOf(address(pool)), s.assets + s.claimable, when);
    }

    /// @dev Warps to the first second at which the batch can be settled.
    function _mature(uint256 batch) internal {
        (,,, uint64 maturesAt) = pool.redeemBatch(batch);
        vm.warp(maturesAt);
        _catchUp();
    }
}
