// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Incident, Span} from "../src/interfaces/IIncidentBook.sol";

/// @title An incident book that says what a test tells it to: the views that pool and policies read
contract ScriptedBook {
    struct Rules {
        bytes32 subject;
        uint32 coolingOff;
        uint32 tail;
        uint32 challengePeriod;
    }

    uint64 public constant SETTLEMENT_WINDOW = 1 days;

    mapping(bytes32 => Rules) private _rules;
    mapping(bytes32 => Incident[]) private _incidents;
    mapping(bytes32 => Span[]) private _swept;
    mapping(bytes32 => bool) public unsettled;
    mapping(bytes32 => uint256) public alarmed;

    error UnknownTrigger(bytes32 triggerId);

    /* SCRIPT */

    function addTrigger(bytes32 triggerId, bytes32 subject, uint32 coolingOff, uint32 tail, uint32 challengePeriod)
        external
    {
        _rules[triggerId] = Rules(subject, coolingOff, tail, challengePeriod);
    }

    function setAlarm(bytes32 triggerId, uint256 families) external {
        alarmed[triggerId] = families;
    }

    /// @notice An incident is open, nothing of it confirmed.
    function open(bytes32 triggerId) external returns (uint256 sequence) {
        sequence = _incidents[triggerId].length;
        _incidents[triggerId].push();
        _incidents[triggerId][sequence].proposedAt = uint64(block.timestamp);
        unsettled[triggerId] = true;
    }

    function confirm(bytes32 triggerId, uint64 from, uint64 covered) external {
        Incident storage last = _incidents[triggerId][_incidents[triggerId].length - 1];
        last.from = from;
        last.coveredSeconds = covered;
        last.until = from + covered;
    }

    function finalise(bytes32 triggerId) external {
        _incidents[triggerId][_incidents[triggerId].length - 1].finalAt = uint64(block.timestamp);
    }

    /// @notice The settlement window is over: the incident was final so long ago.
    function settle(bytes32 triggerId) external {
        Incident[] storage incidents = _incidents[triggerId];
        incidents[incidents.length - 1].finalAt = uint64(block.timestamp) - SETTLEMENT_WINDOW;
        unsettled[triggerId] = false;
    }

    function setSwept(bytes32 triggerId, uint64 from, uint64 until) external {
        delete _swept[triggerId];
        if (until > from) _swept[triggerId].push(Span(from, until));
    }

    /* WHAT IS READ */

    function triggerRules(bytes32 triggerId) external view returns (bytes32, uint32, uint32, uint32) {
        Rules memory rules = _rules[triggerId];
        if (rules.subject == 0) revert UnknownTrigger(triggerId);
        return (rules.subject, rules.coolingOff, rules.tail, rules.challengePeriod);
    }

    function incidentCount(bytes32 triggerId) external view returns (uint256) {
        return _incidents[triggerId].length;
    }

    function incident(bytes32 triggerId, uint256 sequence) external view returns (Incident memory) {
        return _incidents[triggerId][sequence];
    }

    function sweep(bytes32 triggerId) external view returns (Span[] memory, bool) {
        return (_swept[triggerId], false);
    }

    function alarms(bytes32 triggerId) external view returns (uint256, uint256) {
        return (alarmed[triggerId], 7);
    }

    function quiet(bytes32 triggerId) external view returns (bool) {
        return alarmed[triggerId] == 0 && !unsettled[triggerId];
    }
}
