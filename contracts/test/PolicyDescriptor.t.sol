// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base64} from "@openzeppelin/contracts/utils/Base64.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

import {IPolicyBook, Quote} from "../src/interfaces/IPolicyBook.sol";
import {CoverBase} from "./CoverBase.sol";

/// @title What a wallet shows of a policy, and what tells a buyer of the token that it has changed
contract PolicyDescriptorTest is CoverBase {
    using Strings for *;

    uint256 private id;
    Quote private sold;

    function setUp() public override {
        super.setUp();
        _stake(staker, 200_000 * one);
        Quote memory quote = _quote();
        quote.terms.rate = uint64(one + 50_000);
        quote.terms.incidentLimit = uint96(12_000 * one);
        (sold.start, sold.end) = (quote.start, quote.end);
        id = _buy(quote);
    }

    function _json(string memory status, string memory owed) private view returns (string memory) {
        bytes memory picture = abi.encodePacked(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 270" font-family="sans-serif" fill="#fff"><rect width="480" height="270" fill="#16324f"/><text x="30" y="70" font-size="30">Downtime cover 1</text><text x="30" y="135" font-size="20">eip155:42161</text><text x="30" y="220" font-size="20">',
            status,
            "</text></svg>"
        );
        return string.concat(
            '{"name":"Downtime cover 1 of eip155:42161","description":"Pays 3780 BAD for each hour that eip155:42161 is down, by contract and without a claim. What is left of it changes with every payment: compare the fingerprint.","image":"data:image/svg+xml;base64,',
            Base64.encode(picture),
            '","attributes":[',
            _traits(status, owed),
            _times()
        );
    }

    function _traits(string memory status, string memory owed) private pure returns (string memory) {
        return string.concat(
            '{"trait_type":"Status","value":"',
            status,
            '"},{"trait_type":"Semantics","value":"retention"},{"trait_type":"Waiting period, seconds","value":3600},{"trait_type":"Failover benefit","value":"1000 BAD"},{"trait_type":"Incident limit","value":"12000 BAD"},{"trait_type":"Aggregate limit","value":"25000 BAD"},{"trait_type":"Owed so far","value":"',
            owed,
            ' BAD"},{"trait_type":"Paid so far","value":"',
            owed,
            ' BAD"},'
        );
    }

    function _times() private view returns (string memory) {
        return string.concat(
            '{"display_type":"date","trait_type":"Start","value":',
            uint256(policies.policy(id).start).toString(),
            '},{"display_type":"date","trait_type":"End","value":',
            uint256(policies.policy(id).end).toString(),
            '},{"trait_type":"Fingerprint","value":"',
            uint256(policies.getStateFingerprint(id)).toHexString(32),
            '"}]}'
        );
    }

    function _shows(string memory status, string memory owed) private view {
        string memory expected =
            string.concat("data:application/json;base64,", Base64.encode(bytes(_json(status, owed))));
        assertEq(policies.tokenURI(id), expected, status);
    }

    function test_TheMetadataTellsTermsMoneyAndStatus() public {
        _shows("not begun", "0");
        vm.warp(sold.start);
        _shows("in force", "0");
        uint256 sequence = _incident(TRIGGER, sold.start, 1 hours + 1);
        policies.claim(id, sequence);
        _shows("in force", "1.05");
        _end(TRIGGER);
        vm.warp(sold.end);
        _shows("in its tail", "1.05");
        vm.warp(sold.end + TAIL + 1);
        policies.release(id);
        _shows("released", "1.05");
    }

    function test_ACancelledPolicySaysSo() public {
        vm.prank(buyer);
        policies.cancel(id);
        _shows("cancelled", "0");
    }

    function test_AnUnknownPolicyHasNone() public {
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.UnknownPolicy.selector, 2));
        policies.tokenURI(2);
        vm.expectRevert(abi.encodeWithSelector(IPolicyBook.UnknownPolicy.selector, 2));
        policies.getStateFingerprint(2);
    }

    function test_TheFingerprintChangesWithWhateverChangesThePolicysWorth() public {
        assertTrue(policies.supportsInterface(0xf5112315), "ERC-5646");
        assertTrue(policies.supportsInterface(0x80ac58cd), "ERC-721");
        assertFalse(policies.supportsInterface(0xffffffff), "ERC-165");
        bytes32[6] memory seen;
        seen[0] = policies.getStateFingerprint(id);
        vm.prank(buyer);
        policies.transferFrom(buyer, other, id);
        assertEq(policies.getStateFingerprint(id), seen[0], "a transfer changes nothing");

        uint256 sequence = _incident(TRIGGER, sold.start, 2 hours);
        policies.claim(id, sequence);
        seen[1] = policies.getStateFingerprint(id);
        book.confirm(TRIGGER, sold.start, 2 hours + 1);
        policies.claim(id, sequence);
        seen[2] = policies.getStateFingerprint(id);
        _lose(1_000 * one);
        book.confirm(TRIGGER, sold.start, 3 hours);
        policies.claim(id, sequence);
        seen[3] = policies.getStateFingerprint(id);
        _end(TRIGGER);
        assertGt(pool.debtOf(id), 0, "debt");
        vm.warp(sold.end + TAIL + 1);
        _catchUp();
        policies.release(id);
        seen[4] = policies.getStateFingerprint(id);
        assertGt(pool.payDebt(id, _triggers()), 0, "debt paid");
        seen[5] = policies.getStateFingerprint(id);
        for (uint256 i; i < 6; ++i) {
            for (uint256 j; j < i; ++j) {
                assertFalse(seen[i] == seen[j], "two states, one fingerprint");
            }
        }
    }
}
