// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev A library that is called, not copied in: its address is in the code that uses it.
library Inner {
    error TooMuch(uint256 value);

    function half(uint256 value) external pure returns (uint256) {
        if (value > 1_000) revert TooMuch(value);
        return value / 2;
    }
}

library Outer {
    function quarter(uint256 value) external pure returns (uint256) {
        return Inner.half(Inner.half(value));
    }
}

/// @title A contract that links two libraries, one of which links the other
contract Linked {
    uint256 public immutable offset;

    constructor(uint256 offset_) {
        offset = Outer.quarter(offset_);
    }

    function eighth(uint256 value) external view returns (uint256) {
        return offset + Inner.half(Outer.quarter(value));
    }
}
