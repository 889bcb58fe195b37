// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC721Utils} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Utils.sol";
import {ERC721} from "solady/tokens/ERC721.sol";

import {IPolicyBook} from "./interfaces/IPolicyBook.sol";

/// @title PolicyToken
/// @notice ERC-721 whose every refusal says what was refused: the policy book's own errors where it has one, else those of ERC-6093.
/// @dev The library's errors carry no values, so each of its checks that a caller can fail is made here, before it.
abstract contract PolicyToken is ERC721 {
    /* APPROVING AND TRANSFERRING */

    /// @inheritdoc ERC721
    function transferFrom(address from, address to, uint256 policyId) public payable override {
        _checkNoEther();
        address holder = ownerOf(policyId);
        if (from != holder) revert IERC721Errors.ERC721IncorrectOwner(from, policyId, holder);
        if (to == address(0)) revert IERC721Errors.ERC721InvalidReceiver(to);
        _checkManager(policyId);

        _transfer(from, to, policyId);
    }

    /// @inheritdoc ERC721
    function safeTransferFrom(address from, address to, uint256 policyId) public payable override {
        transferFrom(from, to, policyId);
        ERC721Utils.checkOnERC721Received(msg.sender, from, to, policyId, "");
    }

    /// @inheritdoc ERC721
    function safeTransferFrom(address from, address to, uint256 policyId, bytes calldata data) public payable override {
        transferFrom(from, to, policyId);
        ERC721Utils.checkOnERC721Received(msg.sender, from, to, policyId, data);
    }

    /// @inheritdoc ERC721
    function approve(address account, uint256 policyId) public payable override {
        _checkNoEther();
        address holder = ownerOf(policyId);
        if (msg.sender != holder && !isApprovedForAll(holder, msg.sender)) {
            revert IPolicyBook.NotHolder(policyId, msg.sender);
        }

        _approve(account, policyId);
    }

    /* VIEWS */

    /// @inheritdoc ERC721
    function name() public pure override returns (string memory) {
        return "Downtime Cover";
    }

    /// @inheritdoc ERC721
    function symbol() public pure override returns (string memory) {
        return "COVER";
    }

    /// @inheritdoc ERC721
    function ownerOf(uint256 policyId) public view override returns (address holder) {
        holder = _ownerOf(policyId);
        if (holder == address(0)) revert IPolicyBook.UnknownPolicy(policyId);
    }

    /// @inheritdoc ERC721
    function getApproved(uint256 policyId) public view override returns (address) {
        ownerOf(policyId);
        return _getApproved(policyId);
    }

    /// @inheritdoc ERC721
    function balanceOf(address holder) public view override returns (uint256) {
        if (holder == address(0)) revert IERC721Errors.ERC721InvalidOwner(holder);
        return super.balanceOf(holder);
    }

    /// @dev That the caller holds the policy or is approved for it.
    function _checkManager(uint256 policyId) internal view {
        if (!_isApprovedOrOwner(msg.sender, policyId)) revert IPolicyBook.NotHolder(policyId, msg.sender);
    }

    /// @dev The standard lets these functions take ether; here nobody could ever get it out again.
    function _checkNoEther() private view {
        if (msg.value != 0) revert IPolicyBook.EtherNotTaken(msg.value);
    }
}
