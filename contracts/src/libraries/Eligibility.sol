// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IIncidentBook, Incident, Span} from "../interfaces/IIncidentBook.sol";
import {IPolicyBook} from "../interfaces/IPolicyBook.sol";

/// @title Which incidents are a policy's, by when they happened and never by when they were reported
library Eligibility {
    /// @notice When the outage of which the incident from `from` on is a part began. An incident that begins where the one before it ended
    /// is the same outage, cut at its greatest length. Looks no further back than `start`.
    function began(IIncidentBook book, bytes32 triggerId, uint256 sequence, uint64 from, uint64 start)
        external
        view
        returns (uint64)
    {
        while (sequence > 0 && from >= start) {
            Incident memory before = book.incident(triggerId, --sequence);
            // One of which nothing was confirmed leaves no trace.
            if (before.coveredSeconds == 0) continue;
            if (before.until != from) break;
            from = before.from;
        }
        return from;
    }

    /// @notice Confirmed seconds of the incident outside the windows.
    function coveredOutside(IIncidentBook book, bytes32 triggerId, uint256 sequence, Span[] memory windows)
        external
        view
        returns (uint256 covered)
    {
        Span[] memory spans = book.confirmedSpans(triggerId, sequence);
        for (uint256 i; i < spans.length; ++i) {
            covered += spans[i].until - spans[i].from;
            for (uint256 j; j < windows.length; ++j) {
                uint64 from = windows[j].from > spans[i].from ? windows[j].from : spans[i].from;
                uint64 until = windows[j].until < spans[i].until ? windows[j].until : spans[i].until;
                if (from < until) covered -= until - from;
            }
        }
    }

    /// @notice Whether an incident from number `first` on that began before `end`, or may have, is not settled.
    function unsettled(IIncidentBook book, bytes32 triggerId, uint256 first, uint64 end, uint256 settlementWindow)
        external
        view
        returns (bool)
    {
        bool pending;
        for (uint256 next = book.incidentCount(triggerId); next > first; --next) {
            Incident memory incident = book.incident(triggerId, next - 1);
            bool settled = incident.finalAt != 0 && block.timestamp >= incident.finalAt + settlementWindow;
            if (incident.coveredSeconds == 0) {
                if (incident.finalAt == 0) pending = true;
            } else if (incident.from < end) {
                // A pending one begins where this one ends, or later.
                return !settled || (pending && incident.until < end);
            } else {
                pending = false;
            }
            // Incidents settle in order.
            if (settled) break;
        }
        return pending;
    }

    /// @notice Whether the paths show what is not proposed yet and began before `end`. Something older than the cover counts too: the sweep
    /// shows one incident at a time, so it may hide a later one.
    function evidencePending(IIncidentBook book, bytes32 triggerId, uint64 end) external view returns (bool) {
        (Span[] memory spans,) = book.sweep(triggerId);
        return spans.length > 0 && spans[0].from < end;
    }

    /// @notice Records now as the time of a failover, for the open incident and for the next one.
    /// @param activationOf When a failover was recorded, by incident.
    function activate(
        mapping(uint256 sequence => uint64) storage activationOf,
        IIncidentBook book,
        bytes32 triggerId,
        uint256 policyId
    ) external {
        uint256 sequence = book.incidentCount(triggerId);
        Incident memory incident;
        if (sequence > 0) {
            incident = book.incident(triggerId, sequence - 1);
            if (incident.finalAt == 0) --sequence;
            else delete incident;
        }
        uint64 recorded = activationOf[sequence];
        // The first activation since a frozen start proves whatever a later one would.
        if (recorded == 0 || incident.from == 0 || recorded < incident.from) {
            _record(activationOf, policyId, sequence);
        }
        // The open incident may be over already, or leave no trace: then this is the next one's.
        if (incident.proposedAt != 0) _record(activationOf, policyId, sequence + 1);
    }

    function _record(mapping(uint256 sequence => uint64) storage activationOf, uint256 policyId, uint256 sequence)
        private
    {
        activationOf[sequence] = uint64(block.timestamp);
        emit IPolicyBook.FailoverActivated(policyId, sequence, uint64(block.timestamp));
    }
}
