// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @title Redemption requests in daily batches, settled in order, claimed in proportion
/// @dev A batch is the number of the UTC day of its requests, so nobody can make more than one a day, and it is complete before it can
/// mature. A controller's part of what is settled is rounded down on the running totals: parts never add up to more than the batch.
library RedeemQueue {
    using Checkpoints for Checkpoints.Trace208;
    using SafeCast for uint256;

    struct Request {
        uint48 batch;
        uint128 shares;
        uint128 takenShares;
        uint128 takenAssets;
    }

    struct Batch {
        uint128 settled;
        uint128 assets;
    }

    /// @param requested By batch: shares asked for in all batches up to and including it.
    /// @param settled Shares settled in all batches together. @param next Position of the oldest batch that is not wholly settled.
    /// @param oldest Its number; zero if there is none.
    struct Queue {
        Checkpoints.Trace208 requested;
        uint128 settled;
        uint64 next;
        uint48 oldest;
        mapping(uint256 batch => Batch) batches;
        mapping(address controller => Request[8]) requests;
    }

    uint256 internal constant REQUESTS_PER_CONTROLLER = 8;

    error TooManyRequests(address controller, uint256 maximum);

    /* CHANGES */

    function add(Queue storage self, address controller, uint256 batch, uint256 shares) external {
        self.requested.push(batch.toUint48(), (uint256(self.requested.latest()) + shares).toUint208());
        if (self.oldest == 0) self.oldest = uint48(batch);

        Request[8] storage requests = self.requests[controller];
        for (uint256 i; i < REQUESTS_PER_CONTROLLER; ++i) {
            Request storage request = requests[i];
            if (request.shares == 0 || request.batch == batch) {
                request.batch = uint48(batch);
                request.shares += shares.toUint128();
                return;
            }
        }
        revert TooManyRequests(controller, REQUESTS_PER_CONTROLLER);
    }

    /// @notice Records that `shares` of the oldest batch were settled for `assets`; `whole` if none of it is left.
    function settle(Queue storage self, uint256 shares, uint256 assets) external returns (bool whole) {
        (uint256 batch, uint256 left) = head(self);
        self.batches[batch].settled += shares.toUint128();
        self.batches[batch].assets += assets.toUint128();
        self.settled += shares.toUint128();
        whole = shares == left;
        if (!whole) return false;

        uint256 next = ++self.next;
        self.oldest = next == self.requested.length() ? 0 : self.requested.at(uint32(next))._key;
    }

    /// @notice Takes settled shares of the controller's requests, oldest first.
    /// @return taken At most `shares`. @return assets What they were settled for, rounded down.
    function takeShares(Queue storage self, address controller, uint256 shares)
        external
        returns (uint256 taken, uint256 assets)
    {
        Request[8] storage requests = self.requests[controller];
        for (uint256 i; i < REQUESTS_PER_CONTROLLER && taken < shares && requests[i].shares != 0; ++i) {
            (uint256 claimableShares, uint256 claimableAssets) = claimable(self, requests[i]);
            if (claimableShares == 0) continue;
            uint256 part = Math.min(shares - taken, claimableShares);
            uint256 partAssets = Math.mulDiv(claimableAssets, part, claimableShares);
            _take(requests[i], part, partAssets);
            taken += part;
            assets += partAssets;
        }
        _compact(requests);
    }

    /// @notice Takes assets of the controller's settled requests, oldest first.
    /// @return taken At most `assets`. @return shares The settled shares used up, rounded up.
    function takeAssets(Queue storage self, address controller, uint256 assets)
        external
        returns (uint256 taken, uint256 shares)
    {
        Request[8] storage requests = self.requests[controller];
        for (uint256 i; i < REQUESTS_PER_CONTROLLER && taken < assets && requests[i].shares != 0; ++i) {
            (uint256 claimableShares, uint256 claimableAssets) = claimable(self, requests[i]);
            uint256 part = Math.min(assets - taken, claimableAssets);
            uint256 partShares = part == claimableAssets
                ? claimableShares
                : Math.mulDiv(claimableShares, part, claimableAssets, Math.Rounding.Ceil);
            _take(requests[i], partShares, part);
            taken += part;
            shares += partShares;
        }
        _compact(requests);
    }

    function _take(Request storage request, uint256 shares, uint256 assets) private {
        request.takenShares += uint128(shares);
        request.takenAssets += uint128(assets);
    }

    /// @dev Drops requests that are wholly taken; the rest keep their order.
    function _compact(Request[8] storage requests) private {
        uint256 kept;
        for (uint256 i; i < REQUESTS_PER_CONTROLLER && requests[i].shares != 0; ++i) {
            Request memory request = requests[i];
            if (request.takenShares == request.shares) {
                delete requests[i];
            } else {
                if (kept != i) {
                    requests[kept] = request;
                    delete requests[i];
                }
                ++kept;
            }
        }
    }

    /* VIEWS */

    /// @notice The oldest batch that is not wholly settled and its shares left; no shares if there is none.
    function head(Queue storage self) internal view returns (uint256 batch, uint256 left) {
        batch = self.oldest;
        if (batch != 0) left = self.requested.at(uint32(self.next))._value - self.settled;
    }

    /// @notice Shares in batches up to and including `batch` that are not settled.
    function unsettledUpTo(Queue storage self, uint256 batch) internal view returns (uint256) {
        uint256 oldest = self.oldest;
        // Nothing is left up to it if the oldest batch that is not wholly settled is younger, as it is where a keeper settles.
        if (oldest == 0 || oldest > batch) return 0;
        return self.requested.upperLookupRecent(batch.toUint48()) - self.settled;
    }

    function size(Queue storage self, uint256 batch) internal view returns (uint256) {
        uint256 before = batch == 0 ? 0 : self.requested.upperLookupRecent((batch - 1).toUint48());
        return self.requested.upperLookupRecent(batch.toUint48()) - before;
    }

    /// @notice What of a request is settled and not taken yet, rounded down.
    function claimable(Queue storage self, Request memory request)
        internal
        view
        returns (uint256 shares, uint256 assets)
    {
        Batch memory batch = self.batches[request.batch];
        if (batch.settled == 0) return (0, 0);
        uint256 whole = size(self, request.batch);
        shares = Math.mulDiv(request.shares, batch.settled, whole) - request.takenShares;
        assets = Math.mulDiv(request.shares, batch.assets, whole) - request.takenAssets;
    }

    /// @notice `claimable` over all requests of the controller.
    function claimableOf(Queue storage self, address controller)
        external
        view
        returns (uint256 shares, uint256 assets)
    {
        Request[8] storage requests = self.requests[controller];
        for (uint256 i; i < REQUESTS_PER_CONTROLLER && requests[i].shares != 0; ++i) {
            (uint256 partShares, uint256 partAssets) = claimable(self, requests[i]);
            shares += partShares;
            assets += partAssets;
        }
    }

    /// @return pending Shares of the request not settled yet. @return settled Settled and not taken yet.
    function state(Queue storage self, uint256 batch, address controller)
        external
        view
        returns (uint256 pending, uint256 settled)
    {
        Request[8] storage requests = self.requests[controller];
        for (uint256 i; i < REQUESTS_PER_CONTROLLER && requests[i].shares != 0; ++i) {
            if (requests[i].batch != batch) continue;
            (settled,) = claimable(self, requests[i]);
            return (requests[i].shares - requests[i].takenShares - settled, settled);
        }
    }
}
