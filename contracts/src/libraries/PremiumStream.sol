// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title Premium released linearly: one rate for the whole pool, changed at day boundaries only
/// @dev A premium is earned from the first day boundary at or after its cover's start to the first at or after its end. Its rate per
/// second is rounded down at a scale of 1e18, and what rounding left is released at the end: earned + unearned = written, exactly.
library PremiumStream {
    using SafeCast for uint256;

    /// @dev What changes at the start of a day.
    struct Bucket {
        int152 delta;
        uint104 remainder;
    }

    /// @param upTo Earned up to this second. @param rate Units per second, scaled. @param fraction Earned part of one unit, scaled.
    /// @param written All premium ever received. @param earned What of it is released.
    struct Stream {
        uint40 upTo;
        uint152 rate;
        uint64 fraction;
        uint128 written;
        uint128 earned;
        mapping(uint256 day => Bucket) buckets;
    }

    uint256 internal constant SCALE = 1e18;
    /// @dev Most days that one call walks.
    uint256 internal constant DAYS_PER_CALL = 64;

    /// @notice Adds a premium; the stream must have caught up.
    function write(Stream storage self, uint256 premium, uint256 start, uint256 end) internal {
        // The bucket of a boundary that is already passed would never be read.
        uint256 first = Math.ceilDiv(Math.max(start, uint256(self.upTo) + 1), 1 days);
        uint256 last = Math.max(Math.ceilDiv(end, 1 days), first + 1);
        uint256 duration = (last - first) * 1 days;
        uint256 rate = premium * SCALE / duration;

        self.written += premium.toUint128();
        int152 delta = int152(uint152(rate));
        self.buckets[first].delta += delta;
        Bucket storage expiry = self.buckets[last];
        expiry.delta -= delta;
        expiry.remainder += uint104(premium * SCALE - rate * duration);
    }

    /// @notice Releases what is earned by `current`, or by as many days as one call walks.
    function accrue(Stream storage self, uint256 current) internal returns (uint256 newlyEarned) {
        (uint256 upTo, uint256 rate, uint256 scaled) = _advanced(self, current);
        newlyEarned = scaled / SCALE;

        self.upTo = upTo.toUint40();
        self.rate = uint152(rate);
        self.fraction = uint64(scaled % SCALE);
        self.earned += newlyEarned.toUint128();
    }

    /// @notice What is unearned at `current`, and whether one call of `accrue` would catch up.
    function unearnedAt(Stream storage self, uint256 current) internal view returns (uint256 unearned, bool caughtUp) {
        (uint256 upTo,, uint256 scaled) = _advanced(self, current);
        unearned = self.written - self.earned - scaled / SCALE;
        caughtUp = upTo == current;
    }

    /// @return upTo As far as one call walks. @return rate Then. @return scaled Earned since the last call, with the old fraction.
    function _advanced(Stream storage self, uint256 current)
        private
        view
        returns (uint256 upTo, uint256 rate, uint256 scaled)
    {
        (upTo, rate, scaled) = (self.upTo, self.rate, self.fraction);
        for (uint256 walked; upTo < current && walked < DAYS_PER_CALL; ++walked) {
            uint256 next = Math.min((upTo / 1 days + 1) * 1 days, current);
            scaled += rate * (next - upTo);
            if (next % 1 days == 0) {
                Bucket storage bucket = self.buckets[next / 1 days];
                rate = uint256(int256(rate) + bucket.delta);
                scaled += bucket.remainder;
            }
            upTo = next;
        }
    }
}
