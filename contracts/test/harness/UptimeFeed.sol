// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A state of the sequencer: 0 is up, 1 is down, since `startedAt`.
struct Round {
    int256 answer;
    uint256 startedAt;
}

/// @title Rounds and events as one of Chainlink's uptime aggregators keeps them
contract UptimeAggregator {
    mapping(uint80 => Round) private _rounds;
    uint80 public latestRound;
    uint80 private _forgotten;

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    error NoDataPresent();

    constructor(int256 answer, uint256 startedAt) {
        record(answer, startedAt, startedAt);
    }

    /// @notice A new round whose event says another time than its state.
    function record(int256 answer, uint256 startedAt, uint256 told) public {
        _rounds[++latestRound] = Round(answer, startedAt);
        emit AnswerUpdated(answer, latestRound, told);
    }

    /// @notice A new round that no event tells of.
    function recordInSilence(int256 answer, uint256 startedAt) external {
        _rounds[++latestRound] = Round(answer, startedAt);
    }

    /// @notice Drops the rounds up to this one.
    function forget(uint80 last) external {
        _forgotten = last;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return getRoundData(latestRound);
    }

    function getRoundData(uint80 id) public view returns (uint80, int256, uint256, uint256, uint80) {
        if (id <= _forgotten || id > latestRound) revert NoDataPresent();
        return (id, _rounds[id].answer, _rounds[id].startedAt, block.timestamp, id);
    }
}

/// @title Names aggregators by phases, as Chainlink's proxy does: a round's id has its phase in the upper 16 bits
contract UptimeFeed {
    uint16 public phaseId;
    mapping(uint16 => UptimeAggregator) public phaseAggregators;

    /// @notice A new aggregator from now on, with its first round.
    function replaceAggregator(int256 answer, uint256 startedAt) external {
        phaseAggregators[++phaseId] = new UptimeAggregator(answer, startedAt);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return _of(phaseId, phaseAggregators[phaseId].latestRound());
    }

    function getRoundData(uint80 id) external view returns (uint80, int256, uint256, uint256, uint80) {
        return _of(uint16(id >> 64), uint64(id));
    }

    function _of(uint16 phase, uint80 number) private view returns (uint80, int256, uint256, uint256, uint80) {
        (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt,) = phaseAggregators[phase].getRoundData(number);
        id |= uint80(phase) << 64;
        return (id, answer, startedAt, updatedAt, id);
    }
}
