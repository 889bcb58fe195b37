// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";

import {IPolicyBook} from "../src/interfaces/IPolicyBook.sol";
import {CoverBase} from "./CoverBase.sol";

/// @dev A contract that takes tokens, refuses them for a reason, or answers something else.
contract Receiver is IERC721Receiver {
    error NotToday(uint256 policyId);

    enum Manner {
        TAKE,
        REFUSE,
        MUMBLE
    }

    Manner public manner;
    bytes32 public heard;

    function behave(Manner manner_) external {
        manner = manner_;
    }

    function onERC721Received(address operator, address from, uint256 policyId, bytes calldata data)
        external
        returns (bytes4)
    {
        if (manner == Manner.REFUSE) revert NotToday(policyId);
        heard = keccak256(abi.encode(operator, from, policyId, data));
        return manner == Manner.TAKE ? IERC721Receiver.onERC721Received.selector : bytes4(0);
    }
}

/// @title A policy as a token: who may move it, where to, and what a refusal says
contract PolicyTokenTest is CoverBase {
    uint256 private id;
    Receiver private receiver;

    function setUp() public override {
        super.setUp();
        _stake(staker, 200_000 * one);
        id = _buy();
        receiver = new Receiver();
    }

    function _refuses(bytes memory why) private {
        vm.expectRevert(why);
    }

    function _notHolder(address caller) private view returns (bytes memory) {
        return abi.encodeWithSelector(IPolicyBook.NotHolder.selector, id, caller);
    }

    function _invalidReceiver(address to) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IERC721Errors.ERC721InvalidReceiver.selector, to);
    }

    function test_ItHasANameAndASymbol() public view {
        assertEq(policies.name(), "Downtime Cover", "name");
        assertEq(policies.symbol(), "COVER", "symbol");
    }

    /* MOVING */

    function test_TheHolderGivesItAway() public {
        vm.expectEmit(address(policies));
        emit IERC721.Transfer(buyer, other, id);
        vm.prank(buyer);
        policies.transferFrom(buyer, other, id);

        assertEq(policies.ownerOf(id), other, "holder");
        assertEq(policies.balanceOf(buyer), 0, "of the first holder");
        assertEq(policies.balanceOf(other), 1, "of the new holder");
    }

    function test_AStrangerDoesNot() public {
        vm.prank(other);
        _refuses(_notHolder(other));
        policies.transferFrom(buyer, other, id);
        vm.prank(other);
        _refuses(_notHolder(other));
        policies.safeTransferFrom(buyer, other, id);
        assertEq(policies.ownerOf(id), buyer, "holder");
    }

    function test_FromAnotherThanItsHolderIsRefused() public {
        vm.prank(other);
        _refuses(abi.encodeWithSelector(IERC721Errors.ERC721IncorrectOwner.selector, other, id, buyer));
        policies.transferFrom(other, standby, id);
    }

    function test_ToNobodyIsRefused() public {
        vm.prank(buyer);
        _refuses(_invalidReceiver(address(0)));
        policies.transferFrom(buyer, address(0), id);
    }

    function test_APolicyThatDoesNotExistIsNamed() public {
        bytes memory unknown = abi.encodeWithSelector(IPolicyBook.UnknownPolicy.selector, 77);
        vm.prank(buyer);
        _refuses(unknown);
        policies.transferFrom(buyer, other, 77);
        vm.prank(buyer);
        _refuses(unknown);
        policies.approve(other, 77);
        _refuses(unknown);
        policies.getApproved(77);
        _refuses(unknown);
        policies.ownerOf(77);
    }

    function test_EtherIsNotTaken() public {
        vm.deal(buyer, 4);
        bytes memory refused = abi.encodeWithSelector(IPolicyBook.EtherNotTaken.selector, 1);
        vm.startPrank(buyer);
        _refuses(refused);
        policies.transferFrom{value: 1}(buyer, other, id);
        _refuses(refused);
        policies.safeTransferFrom{value: 1}(buyer, other, id);
        _refuses(refused);
        policies.safeTransferFrom{value: 1}(buyer, other, id, "");
        _refuses(refused);
        policies.approve{value: 1}(other, id);
        vm.stopPrank();
        assertEq(address(policies).balance, 0, "held");
    }

    function test_WhatIsOwedMovesWithIt() public {
        uint64 start = policies.policy(id).start;
        uint256 sequence = _incident(TRIGGER, start, 2 hours);
        policies.claim(id, sequence);
        vm.prank(buyer);
        policies.transferFrom(buyer, other, id);
        assertEq(policies.policy(id).owed, 3600 * one, "owed so far");
        book.confirm(TRIGGER, start, 2 hours + 10);
        policies.claim(id, sequence);
        assertEq(asset.balanceOf(other), 10 * one, "to the new holder");
    }

    /* APPROVING */

    function test_WhoIsApprovedMovesItOnce() public {
        vm.expectEmit(address(policies));
        emit IERC721.Approval(buyer, other, id);
        vm.prank(buyer);
        policies.approve(other, id);
        assertEq(policies.getApproved(id), other, "approved");

        vm.prank(other);
        policies.transferFrom(buyer, standby, id);
        assertEq(policies.getApproved(id), address(0), "the approval is gone");
        vm.prank(other);
        _refuses(_notHolder(other));
        policies.transferFrom(standby, other, id);
    }

    function test_AnOperatorMovesAndApprovesUntilDismissed() public {
        vm.prank(buyer);
        policies.setApprovalForAll(other, true);
        vm.prank(other);
        policies.approve(standby, id);
        assertEq(policies.getApproved(id), standby, "approved by the operator");
        vm.prank(other);
        policies.transferFrom(buyer, other, id);

        vm.prank(other);
        policies.transferFrom(other, buyer, id);
        vm.prank(buyer);
        policies.setApprovalForAll(other, false);
        vm.prank(other);
        _refuses(_notHolder(other));
        policies.transferFrom(buyer, other, id);
    }

    function test_OnlyTheHolderAndOperatorsApprove() public {
        vm.prank(other);
        _refuses(_notHolder(other));
        policies.approve(other, id);

        vm.prank(buyer);
        policies.approve(other, id);
        vm.prank(other);
        _refuses(_notHolder(other));
        policies.approve(standby, id);
    }

    function test_NobodysBalanceIsRefused() public {
        _refuses(abi.encodeWithSelector(IERC721Errors.ERC721InvalidOwner.selector, address(0)));
        policies.balanceOf(address(0));
    }

    /* SAFELY */

    function test_AContractThatTakesTokensIsTold() public {
        vm.prank(buyer);
        policies.safeTransferFrom(buyer, address(receiver), id);
        assertEq(receiver.heard(), keccak256(abi.encode(buyer, buyer, id, bytes(""))), "without a word");

        vm.prank(address(receiver));
        policies.transferFrom(address(receiver), buyer, id);
        vm.prank(buyer);
        policies.approve(other, id);
        vm.prank(other);
        policies.safeTransferFrom(buyer, address(receiver), id, "hello");
        assertEq(receiver.heard(), keccak256(abi.encode(other, buyer, id, bytes("hello"))), "with a word");
    }

    function test_AnAccountNeedNotAnswer() public {
        vm.prank(buyer);
        policies.safeTransferFrom(buyer, other, id, "hello");
        assertEq(policies.ownerOf(id), other, "holder");
    }

    function test_AContractThatDoesNotTakeThemIsNamed() public {
        vm.prank(buyer);
        _refuses(_invalidReceiver(address(asset)));
        policies.safeTransferFrom(buyer, address(asset), id);

        receiver.behave(Receiver.Manner.MUMBLE);
        vm.prank(buyer);
        _refuses(_invalidReceiver(address(receiver)));
        policies.safeTransferFrom(buyer, address(receiver), id, "hello");
        assertEq(policies.ownerOf(id), buyer, "holder");
    }

    function test_AReceiversOwnReasonIsTold() public {
        receiver.behave(Receiver.Manner.REFUSE);
        vm.prank(buyer);
        _refuses(abi.encodeWithSelector(Receiver.NotToday.selector, id));
        policies.safeTransferFrom(buyer, address(receiver), id);
    }

    /// @dev Whatever a caller asks for, it gets what it may have or an error with values, never one of the library's bare four bytes.
    function testFuzz_NoRefusalIsBare(uint256 seed) public {
        address[4] memory accounts = [buyer, other, standby, address(0)];
        uint256 policyId = seed & 1 == 0 ? id : seed >> 1 & 3;
        address from = accounts[seed >> 3 & 3];
        address to = accounts[seed >> 5 & 3];
        if (seed >> 7 & 1 == 1) {
            vm.prank(buyer);
            policies.setApprovalForAll(other, true);
        }
        bytes[4] memory calls = [
            abi.encodeWithSignature("transferFrom(address,address,uint256)", from, to, policyId),
            abi.encodeWithSignature("safeTransferFrom(address,address,uint256)", from, to, policyId),
            abi.encodeWithSignature("approve(address,uint256)", to, policyId),
            abi.encodeWithSignature("balanceOf(address)", to)
        ];
        vm.prank(accounts[bound(seed >> 8, 0, 2)]);
        (bool done, bytes memory answer) = address(policies).call(calls[seed >> 12 & 3]);
        assertTrue(done || answer.length >= 36, "an error has a value");
    }
}
