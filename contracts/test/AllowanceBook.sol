// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IPermit2} from "../src/interfaces/IPermit2.sol";

/// @title Permit2's allowances by its published interface and typed data, for tests without its own code
contract AllowanceBook is IPermit2, EIP712 {
    struct Allowance {
        uint160 amount;
        uint48 expiration;
        uint48 nonce;
    }

    bytes32 private constant DETAILS =
        keccak256("PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)");
    bytes32 private constant SINGLE = keccak256(
        "PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)"
    );

    mapping(address owner => mapping(address token => mapping(address spender => Allowance))) public allowance;

    error SignatureExpired(uint256 deadline);
    error InvalidNonce();
    error InvalidSigner();
    error AllowanceExpired(uint256 deadline);
    error InsufficientAllowance(uint256 amount);

    constructor() EIP712("Permit2", "1") {}

    function permitDigest(PermitSingle memory single) public view returns (bytes32) {
        bytes32 details = keccak256(abi.encode(DETAILS, single.details));
        return _hashTypedDataV4(keccak256(abi.encode(SINGLE, details, single.spender, single.sigDeadline)));
    }

    function permit(address owner, PermitSingle calldata single, bytes calldata signature) external {
        if (block.timestamp > single.sigDeadline) revert SignatureExpired(single.sigDeadline);
        Allowance storage known = allowance[owner][single.details.token][single.spender];
        if (known.nonce != single.details.nonce) revert InvalidNonce();
        if (!SignatureChecker.isValidSignatureNow(owner, permitDigest(single), signature)) revert InvalidSigner();

        known.amount = single.details.amount;
        known.expiration = single.details.expiration;
        known.nonce++;
    }

    function transferFrom(address from, address to, uint160 amount, address token) external {
        Allowance storage known = allowance[from][token][msg.sender];
        if (block.timestamp > known.expiration) revert AllowanceExpired(known.expiration);
        if (known.amount < amount) revert InsufficientAllowance(known.amount);

        if (known.amount != type(uint160).max) known.amount -= amount;
        require(IERC20(token).transferFrom(from, to, amount), "transfer");
    }
}
