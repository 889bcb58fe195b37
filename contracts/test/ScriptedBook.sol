// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Incident, SaleRules, Span, Trigger} from "../src/interfaces/IIncidentBook.sol";

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
    mapping(bytes32 => bool) public impaired;
    mapping(bytes32 => uint64) private _funded;
    mapping(bytes32 => mapping(uint256 => Span[])) private _spans;

    error UnknownTrigger(bytes32 triggerId);
    error UnknownIncident(bytes32 triggerId, uint256 sequence);

    /* SCRIPT */

    function addTrigger(bytes32 triggerId, bytes32 subject, uint32 coolingOff, uint32 tail, uint32 challengePeriod)
        external
    {
        _rules[triggerId] = Rules(subject, coolingOff, tail, challengePeriod);
    }

    function setAlarm(bytes32 triggerId, uint256 families) external {
        alarmed[triggerId] = families;
    }

    function setImpaired(bytes32 triggerId, bool impaired_) external {
        impaired[triggerId] = impaired_;
    }

    function setFundedUntil(bytes32 triggerId, uint64 until) external {
        _funded[triggerId] = until;
    }

    /// @notice The last incident's confirmed spans, where they are not one.
    function setSpans(bytes32 triggerId, Span[] calldata spans) external {
        delete _spans[triggerId][_incidents[triggerId].length - 1];
        for (uint256 i; i < spans.length; ++i) {
            _spans[triggerId][_incidents[triggerId].length - 1].push(spans[i]);
        }
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

    /// @notice Of a trigger's content its subject's id alone.
    function getTrigger(bytes32) external pure returns (Trigger memory trigger) {
        trigger.subjectId = "eip155:42161";
    }

    function triggerRules(bytes32 triggerId) external view returns (bytes32, uint32, uint32, uint32) {
        Rules memory rules = _rules[triggerId];
        if (rules.subject == 0) revert UnknownTrigger(triggerId);
        return (rules.subject, rules.coolingOff, rules.tail, rules.challengePeriod);
    }

    function standing(bytes32 triggerId) external view returns (bool, uint256) {
        return (unsettled[triggerId], _incidents[triggerId].length);
    }

    function incidentCount(bytes32 triggerId) external view returns (uint256) {
        return _incidents[triggerId].length;
    }

    function incident(bytes32 triggerId, uint256 sequence) external view returns (Incident memory) {
        if (sequence >= _incidents[triggerId].length) revert UnknownIncident(triggerId, sequence);
        return _incidents[triggerId][sequence];
    }

    function confirmedSpans(bytes32 triggerId, uint256 sequence) external view returns (Span[] memory spans) {
        spans = _spans[triggerId][sequence];
        if (spans.length > 0) return spans;
        Incident memory known = _incidents[triggerId][sequence];
        spans = new Span[](1);
        spans[0] = Span(known.from, known.until);
    }

    function sweep(bytes32 triggerId) external view returns (Span[] memory, bool) {
        return (_swept[triggerId], false);
    }

    function alarms(bytes32 triggerId) external view returns (uint256, uint256) {
        return (alarmed[triggerId], 7);
    }

    function quiet(bytes32 triggerId) public view returns (bool) {
        return alarmed[triggerId] == 0 && !unsettled[triggerId] && !impaired[triggerId];
    }

    function saleRules(bytes32 triggerId) external view returns (SaleRules memory) {
        Rules memory rules = _rules[triggerId];
        if (rules.subject == 0) revert UnknownTrigger(triggerId);
        uint64 until = _funded[triggerId];
        return SaleRules({
            subject: rules.subject,
            coolingOff: rules.coolingOff,
            tail: rules.tail,
            challengePeriod: rules.challengePeriod,
            incidents: uint32(_incidents[triggerId].length),
            fundedUntil: until == 0 ? type(uint64).max : until,
            quiet: quiet(triggerId)
        });
    }
}
