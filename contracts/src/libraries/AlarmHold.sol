// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title How long alarms of single families may hold a trigger's reserve
/// @dev A family's alarm holds for at most 24 hours, all of them together for at most 72 hours in any 30 days, counted by the second while
/// they hold; until it is seen silent a family begins no other hold. No family can lock the pool for long, and none can use up another's time.
library AlarmHold {
    /// @param number The UTC day, since 1970. @param time Seconds held up to some moment of that day and not before the previous one's.
    struct Day {
        uint32 number;
        uint32 time;
    }

    /// @param since When its present alarm was first seen. @param counted Up to when its holding is on its account.
    struct Family {
        uint40 since;
        uint40 counted;
        Day[31] ring;
    }

    /// @param alarmed Families that were alarmed when last seen, as a bit set. @param holding Those of them that held.
    struct Hold {
        uint8 alarmed;
        uint8 holding;
        mapping(uint256 family => Family) families;
    }

    uint256 internal constant HOLD_SECONDS = 24 hours;
    uint256 internal constant MAXIMUM_SECONDS = 72 hours;
    /// @dev Today and the 30 days before it: no 30 days reach further.
    uint256 internal constant WINDOW_DAYS = 31;
    /// @dev A trigger has at most eight paths, so at most eight families.
    uint256 internal constant MAXIMUM_FAMILIES = 8;

    /// @notice Takes note of the families alarmed at `current`.
    /// @return holds Whether one of them holds the reserve.
    function observe(Hold storage self, uint256 alarmed, uint256 current) external returns (bool holds) {
        (uint256 before, uint256 held) = (self.alarmed, self.holding);
        uint256 holding;
        for (uint256 family; (alarmed | before) >> family > 0 && family < MAXIMUM_FAMILIES; ++family) {
            uint256 bit = 1 << family;
            if ((alarmed | before) & bit == 0) continue;
            Family storage account = self.families[family];
            uint256 left = _left(account, current);
            if (held & bit != 0) left -= _charge(account, left, current);
            if (alarmed & bit == 0) continue;

            if (before & bit == 0) account.since = uint40(current);
            if (left > 0 && current < account.since + HOLD_SECONDS) {
                account.counted = uint40(current);
                holding |= bit;
            }
        }
        (self.alarmed, self.holding) = (uint8(alarmed), uint8(holding));
        return holding != 0;
    }

    /// @dev Puts the time held since the last look on today's account: not too early, so that it never counts for less than 30 days.
    function _charge(Family storage account, uint256 left, uint256 current) private returns (uint256 time) {
        uint256 end = Math.min(current, account.since + HOLD_SECONDS);
        time = Math.min(Math.saturatingSub(end, account.counted), left);
        Day storage today = account.ring[current / 1 days % WINDOW_DAYS];
        uint256 already = today.number == current / 1 days ? today.time : 0;
        (today.number, today.time) = (uint32(current / 1 days), uint32(already + time));
    }

    function _left(Family storage account, uint256 current) private view returns (uint256) {
        uint256 used;
        for (uint256 i; i < WINDOW_DAYS; ++i) {
            Day memory day = account.ring[i];
            if (day.number + WINDOW_DAYS > current / 1 days) used += day.time;
        }
        return Math.saturatingSub(MAXIMUM_SECONDS, used);
    }
}
