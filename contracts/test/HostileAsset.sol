// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TestAsset} from "../src/TestAsset.sol";

/// @title An asset that freezes accounts, takes a fee or calls its receivers, as a test asks
contract HostileAsset is TestAsset {
    enum Refusal {
        NONE,
        REVERTS,
        RETURNS_FALSE,
        BURNS_GAS,
        RETURNS_A_LOT
    }

    mapping(address => Refusal) public refusalOf;
    uint256 public fee;
    address public hooked;
    address private _target;
    bytes private _hook;
    bool public hookFailed;
    bytes public hookAnswer;

    constructor(uint8 decimals_) TestAsset("Hostile", "BAD", decimals_) {}

    function refuse(address account, Refusal refusal) external {
        refusalOf[account] = refusal;
    }

    function setFee(uint256 fee_) external {
        fee = fee_;
    }

    /// @notice Whenever `to` receives, `data` is called on `target`.
    function hook(address to, address target, bytes calldata data) external {
        (hooked, _target, _hook) = (to, target, data);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        Refusal refusal = refusalOf[to];
        if (refusal == Refusal.REVERTS) revert("frozen");
        if (refusal == Refusal.RETURNS_FALSE) return false;
        if (refusal == Refusal.BURNS_GAS) {
            uint256 sum;
            while (true) sum += gasleft();
        }
        if (refusal == Refusal.RETURNS_A_LOT) {
            assembly {
                revert(0, 60000)
            }
        }
        super.transfer(to, amount);
        if (to == hooked) {
            (bool done, bytes memory answer) = _target.call(_hook);
            (hookFailed, hookAnswer) = (!done, answer);
        }
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        super.transferFrom(from, to, amount);
        if (fee > 0) _burn(to, fee);
        return true;
    }
}
