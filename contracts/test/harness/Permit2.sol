// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPermit2} from "../../src/interfaces/IPermit2.sol";
import {Vm} from "../Test.sol";

/// @notice What the tests ask of Permit2 besides.
interface Permit2 is IPermit2 {
    error AllowanceExpired(uint256 deadline);

    function DOMAIN_SEPARATOR() external view returns (bytes32);
}

/// @title The code of the real Permit2, which `make contracts` fetches, at its address
library RealPermit2 {
    address private constant EVERYWHERE = 0x000000000022D473030F116dDEE9F6B43aC78BA3;
    bytes32 private constant DETAILS =
        keccak256("PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)");
    bytes32 private constant SINGLE = keccak256(
        "PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)"
    );

    function install(Vm vm) internal returns (Permit2) {
        vm.etch(EVERYWHERE, vm.parseJsonBytes(vm.readFile("node_modules/permit2.json"), ".bytecode"));
        return Permit2(EVERYWHERE);
    }

    function digest(Permit2 permit2, IPermit2.PermitSingle memory single) internal view returns (bytes32) {
        bytes32 details = keccak256(abi.encode(DETAILS, single.details));
        bytes32 hash = keccak256(abi.encode(SINGLE, details, single.spender, single.sigDeadline));
        return keccak256(abi.encodePacked("\x19\x01", permit2.DOMAIN_SEPARATOR(), hash));
    }
}
