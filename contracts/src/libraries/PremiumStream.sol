// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

/// @title Premium released linearly: one rate for the whole pool, changed at day boundaries only
/// @dev A premium is earned from the first day boundary after its cover's start to the first at or after its end, one day at least. Its
/// rate per second is rounded down at a scale of 1e18, and what rounding left is released at the end. So a premium's part can be taken out
/// again from its amount and its times alone, and earned + unearned + refunded = written, exactly.
library PremiumStream {
    using SafeCast for uint256;

    /// @dev What changes at the start of a day.
    struct Bucket {
        int152 delta;
        uint104 remainder;
    }

    /// @param upTo Earned up to this second. @param rate Units per second, scaled. @param fraction Earned part of one unit, scaled.
    /// @param written All premium ever received, less what was refunded. @param earned What of it is released.
    struct Stream {
        uint40 upTo;
        uint152 rate;
        uint64 fraction;
        uint128 written;
        uint128 earned;
        mapping(uint256 day => Bucket) buckets;
    }

    /// @dev Earned from day `first` to day `last`, at `rate` per second, scaled and rounded down; `remainder` is what that leaves.
    struct Part {
        uint256 first;
        uint256 last;
        uint256 rate;
        uint256 remainder;
    }

    uint256 internal constant SCALE = 1e18;
    /// @dev Most days that one call walks.
    uint256 internal constant DAYS_PER_CALL = 64;

    /// @notice Adds a premium for cover that starts now or later; the stream must have caught up.
    function write(Stream storage self, uint256 premium, uint256 start, uint256 end) internal {
        Part memory part = _part(premium, start, end, 0);

        self.written += premium.toUint128();
        int152 delta = int152(uint152(part.rate));
        self.buckets[part.first].delta += delta;
        Bucket storage expiry = self.buckets[part.last];
        expiry.delta -= delta;
        expiry.remainder += uint104(part.remainder);
    }

    /// @notice What a premium written for [start, end) has unearned from the first day boundary after `current` on, rounded down.
    function unearnedOf(uint256 premium, uint256 start, uint256 end, uint256 current) internal pure returns (uint256) {
        return _scaled(_part(premium, start, end, current)) / SCALE;
    }

    /// @notice Takes that part, as of `upTo`, out again: `refund` of it is paid back, the rest is earned at once. The stream must have
    /// caught up.
    /// @return kept What is earned by that.
    function unwrite(Stream storage self, uint256 premium, uint256 start, uint256 end, uint256 refund)
        external
        returns (uint256 kept)
    {
        Part memory part = _part(premium, start, end, self.upTo);
        uint256 scaled = _scaled(part);
        kept = scaled / SCALE - refund;
        if (scaled == 0) return kept;

        int152 delta = int152(uint152(part.rate));
        Bucket storage boundary = self.buckets[part.first];
        boundary.delta -= delta;
        boundary.remainder += uint104(scaled % SCALE);
        Bucket storage expiry = self.buckets[part.last];
        expiry.delta += delta;
        expiry.remainder -= uint104(part.remainder);
        self.written -= refund.toUint128();
        self.earned += kept.toUint128();
    }

    /// @dev The part of a premium for [start, end) that is earned from the first boundary after `current` on.
    function _part(uint256 premium, uint256 start, uint256 end, uint256 current)
        private
        pure
        returns (Part memory part)
    {
        // A boundary that is already passed would never be read: what is written starts now or later, so the next one is ahead.
        part.first = start / 1 days + 1;
        part.last = Math.max(Math.ceilDiv(end, 1 days), part.first + 1);
        uint256 duration = (part.last - part.first) * 1 days;
        part.rate = premium * SCALE / duration;
        part.remainder = premium * SCALE - part.rate * duration;
        part.first = Math.max(part.first, current / 1 days + 1);
    }

    function _scaled(Part memory part) private pure returns (uint256) {
        return part.first < part.last ? part.rate * (part.last - part.first) * 1 days + part.remainder : 0;
    }

    /// @notice Releases what is earned by `current`, or by as many days as one call walks.
    function accrue(Stream storage self, uint256 current) internal {
        (uint256 upTo, uint256 rate, uint256 scaled) = _advanced(self, current);

        (uint40 upTo_, uint152 rate_, uint128 earned) =
            (upTo.toUint40(), rate.toUint152(), (scaled / SCALE).toUint128());
        (self.upTo, self.rate, self.fraction) = (upTo_, rate_, uint64(scaled % SCALE));
        self.earned += earned;
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
