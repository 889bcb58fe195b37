// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title How long alarms of single families may hold a trigger's reserve
/// @dev A family's alarm begins a hold of 24 hours, at most three in any 30 days, so at most 72 hours; while it goes on it begins no
/// other. No family can lock the pool for long, and none can use up another's holds.
library AlarmHold {
    /// @param held Families whose present alarm has begun a hold, as a bit set.
    /// @param starts By family: when its last three holds began, the latest in the lowest 64 bits.
    struct Hold {
        uint256 held;
        mapping(uint256 family => uint256) starts;
    }

    uint256 internal constant HOLD_SECONDS = 24 hours;
    uint256 internal constant WINDOW_SECONDS = 30 days;
    /// @dev A trigger has at most eight paths, so at most eight families.
    uint256 internal constant MAXIMUM_FAMILIES = 8;

    /// @notice Takes note of the families alarmed at `current`.
    /// @return holding Whether one of them holds the reserve.
    function observe(Hold storage self, uint256 alarmed, uint256 current) internal returns (bool holding) {
        uint256 before = self.held;
        uint256 held = before & alarmed;
        for (uint256 family; family < MAXIMUM_FAMILIES && alarmed >> family > 0; ++family) {
            uint256 bit = 1 << family;
            if (alarmed & bit == 0) continue;
            uint256 starts = self.starts[family];
            bool within = uint64(starts) != 0 && current < uint64(starts) + HOLD_SECONDS;
            if (!within && held & bit == 0 && _mayBegin(starts, current)) {
                self.starts[family] = uint192(starts << 64) | current;
                within = true;
            }
            if (within) {
                held |= bit;
                holding = true;
            }
        }
        if (held != before) self.held = held;
    }

    function _mayBegin(uint256 starts, uint256 current) private pure returns (bool) {
        uint256 thirdLast = starts >> 128;
        return thirdLast == 0 || thirdLast + WINDOW_SECONDS <= current;
    }
}
