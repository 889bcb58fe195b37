// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IncidentBook} from "../../src/IncidentBook.sol";
import {Dispute, IIncidentBook, Incident, Member, Span} from "../../src/interfaces/IIncidentBook.sol";
import {ScriptedPath} from "../ScriptedPath.sol";
import {Test} from "../Test.sol";

/// @title Outages, a lying family, keepers, guardian, court, calendar signer, dead paths and time, in any order
/// @dev Two honest families say of every outage the same as it goes on; a third says anything and takes it back; a fourth is honest until
/// it is retired, then lies too, of the time from its retirement on. A move may be refused, but only for a reason that it may have.
contract IncidentHandler is Test {
    uint256 private constant MOST_OUTAGES = 12;
    uint256 private immutable _calendar;
    IncidentBook private immutable _book;
    bytes32 private immutable _id;
    address private immutable _guardian;
    address private immutable _court;
    ScriptedPath private immutable _liar;
    ScriptedPath[2] private _honest;
    ScriptedPath private immutable _mortal;

    /// @notice What was truly down, oldest first; the last one may go on.
    Span[] public outages;
    bool public down;
    /// @notice What was announced and what was struck out.
    Span[] public windows;
    Span[] public struck;
    /// @notice Disputes opened of the present incident, and how many lapsed or were closed in all.
    uint256 public rounds;
    /// @notice What is confirmed of each incident, as seen after the last move.
    mapping(uint256 sequence => Span[]) private _confirmed;
    /// @notice Moves that did something, so that a run that does nothing is seen.
    mapping(bytes32 move => uint256) public done;

    constructor(
        IncidentBook book,
        bytes32 id,
        address guardian,
        address court,
        uint256 calendar,
        ScriptedPath liar,
        ScriptedPath[2] memory honest,
        ScriptedPath mortal
    ) {
        (_book, _id, _guardian, _court, _calendar) = (book, id, guardian, court, calendar);
        (_liar, _honest, _mortal) = (liar, honest, mortal);
    }

    /* THE WORLD */

    function pass(uint256 duration) external {
        _pass(bound(duration, 1, 8 hours));
    }

    function passLong(uint256 duration) external {
        _pass(bound(duration, 1 days, 4 days));
    }

    function turn() external {
        if (!down && outages.length == MOST_OUTAGES) return;
        down = !down;
        if (!down) return;
        // What was down a moment ago goes on.
        bool again = outages.length != 0 && outages[outages.length - 1].until == block.timestamp;
        if (again) return;
        uint64 now_ = uint64(block.timestamp);
        outages.push(Span(now_ - 1, now_));
        for (uint256 i; i < 2; ++i) {
            _honest[i].add(now_ - 1, now_, true);
        }
        if (!_retired()) _mortal.add(now_ - 1, now_, true);
        ++done["turn"];
    }

    /// @dev The liar takes back what it said and says something else, beginning anywhere since long ago.
    function lie(uint256 seed) external {
        if (seed % 2 == 0) _liar.forget();
        _tell(_liar, seed >> 1, uint64(block.timestamp) - 10 days);
    }

    function misbehave(uint256 mood) external {
        _liar.setMood(ScriptedPath.Mood(mood % (uint256(ScriptedPath.Mood.HUNGRY) + 1)));
    }

    /// @dev A retired path and the liar say the same of the time since its retirement: were it still counted, that would be a quorum.
    function lieInRetirement(uint256 seed) external {
        if (!_retired()) return;
        uint64 from = uint64(bound(seed, _member(3).silentSince, block.timestamp));
        if (from == block.timestamp) return;
        uint64 until = uint64(bound(seed >> 64, from + 1, block.timestamp));
        _liar.setMood(ScriptedPath.Mood.SOUND);
        _liar.forget();
        _liar.add(from, until, false);
        if (_mortal.told() != 0 && _mortal.end() > from) _mortal.forget();
        _mortal.add(from, until, false);
        ++done["lieInRetirement"];
    }

    /* KEEPERS */

    function propose() external {
        try _book.propose(_id) {
            ++done["propose"];
            _see();
        } catch (bytes memory reason) {
            _among(reason, IIncidentBook.NothingToPropose.selector, IIncidentBook.CheckpointTooSmall.selector);
        }
    }

    function confirm(uint256 checkpoint) external {
        uint256 known = _last().checkpoints;
        try _book.confirm(_id, known == 0 ? 0 : checkpoint % known) {
            ++done["confirm"];
            _see();
        } catch (bytes memory reason) {
            _among(reason, IIncidentBook.NoOpenIncident.selector, IIncidentBook.NotReady.selector);
        }
    }

    function finalise() external {
        Dispute memory opened = _book.disputeOf(_id);
        bool disputed = block.timestamp < opened.lapsesAt;
        try _book.finalise(_id) {
            assertFalse(disputed, "final while disputed");
            rounds = 0;
            ++done["finalise"];
            _see();
        } catch (bytes memory reason) {
            if (bytes4(reason) == IIncidentBook.DisputeOpen.selector) {
                assertTrue(disputed, "refused for a dispute that is not open");
                return;
            }
            if (bytes4(reason) == IIncidentBook.ProposalMissing.selector) return;
            if (bytes4(reason) == IIncidentBook.NotOver.selector) return;
            _among(reason, IIncidentBook.NoOpenIncident.selector, IIncidentBook.NotReady.selector);
        }
    }

    /* POWERS */

    function delay(uint256 duration) external {
        vm.prank(_guardian);
        try _book.delay(_id, uint64(block.timestamp + bound(duration, 1, 72 hours))) {
            ++done["delay"];
        } catch (bytes memory reason) {
            _among(reason, IIncidentBook.NoOpenIncident.selector, IIncidentBook.AlreadyDelayed.selector);
        }
    }

    function openDispute(uint256 from) public {
        vm.prank(_court);
        try _book.openDispute(_id, uint64(block.timestamp - bound(from, 0, 4 days))) returns (
            uint256, uint64 lapsesAt
        ) {
            assertEq(lapsesAt, block.timestamp + 10 days, "lapses in ten days");
            assertLe(++rounds, 3, "three rounds at most");
            ++done["openDispute"];
        } catch (bytes memory reason) {
            bytes4 why = bytes4(reason);
            if (why == IIncidentBook.DisputeOpen.selector || why == IIncidentBook.TooManyRounds.selector) return;
            _among(reason, IIncidentBook.NoOpenIncident.selector, IIncidentBook.DisputeOutOfRange.selector);
        }
    }

    function strike(uint256 from) external {
        openDispute(from);
        closeDispute(true);
    }

    function closeDispute(bool upheld) public {
        uint64 from = _book.disputeOf(_id).from;
        vm.prank(_court);
        try _book.closeDispute(_id, upheld) {
            if (upheld) struck.push(Span(from, uint64(block.timestamp)));
            if (upheld) ++done["strike"];
        } catch (bytes memory reason) {
            _among(reason, IIncidentBook.NoOpenIncident.selector, IIncidentBook.NoOpenDispute.selector);
        }
    }

    function announce(uint256 ahead, uint256 length) external {
        uint64 from = uint64(block.timestamp + bound(ahead, 72 hours, 5 days));
        Span memory window = Span(from, from + uint64(bound(length, 10 minutes, 4 hours)));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_calendar, _book.windowDigest(_id, window));
        try _book.announce(_id, window, abi.encodePacked(r, s, v)) {
            windows.push(window);
            ++done["announce"];
        } catch (bytes memory reason) {
            _among(reason, IIncidentBook.WindowOutOfRange.selector, IIncidentBook.CalendarExhausted.selector);
        }
    }

    /// @dev The first call notes it, a later one retires it. Two honest families stay; the other paths may be dead.
    function retire(uint256 index) external {
        _retire(index % 2 == 0 ? 0 : 3);
    }

    function bury() external {
        _mortal.setLastHeard(1);
        _retire(3);
        _pass(1 hours + 1);
        _retire(3);
    }

    function _retire(uint256 index) private {
        try _book.retire(_id, index) {
            if (_member(index).retired) ++done["retire"];
        } catch (bytes memory reason) {
            if (bytes4(reason) == IIncidentBook.PathIsAlive.selector) return;
            _among(reason, IIncidentBook.PathNoted.selector, IIncidentBook.PathIsRetired.selector);
        }
    }

    /* SEEN */

    function outageCount() external view returns (uint256) {
        return outages.length;
    }

    function windowCount() external view returns (uint256) {
        return windows.length;
    }

    function struckCount() external view returns (uint256) {
        return struck.length;
    }

    function confirmedBefore(uint256 sequence) external view returns (Span[] memory) {
        return _confirmed[sequence];
    }

    /* HELPERS */

    function _pass(uint256 duration) private {
        vm.warp(block.timestamp + duration);
        uint64 now_ = uint64(block.timestamp);
        for (uint256 i; i < 2; ++i) {
            _honest[i].setLastHeard(now_);
            if (down) _honest[i].grow(now_, true);
        }
        if (!_retired() && down) _mortal.grow(now_, true);
        if (down) outages[outages.length - 1].until = now_;
    }

    function _tell(ScriptedPath path, uint256 seed, uint64 earliest) private {
        uint256 count = path.told();
        uint64 time = earliest;
        if (count != 0 && path.end() > time) time = path.end();
        for (uint256 i; i < seed % 4; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint64 from = time + uint64(seed % 2 days);
            time = from + 1 + uint64((seed >> 16) % 3 days);
            if (time > block.timestamp) return;
            path.add(from, time, seed % 2 == 0);
        }
    }

    /// @dev Nothing that was confirmed before is gone; remembers what is confirmed now.
    function _see() private {
        for (uint256 sequence; sequence < _book.incidentCount(_id); ++sequence) {
            Span[] memory now_ = _book.confirmedSpans(_id, sequence);
            Span[] storage before = _confirmed[sequence];
            for (uint256 i; i < before.length; ++i) {
                assertTrue(_within(before[i], now_), "a confirmed second went");
            }
            delete _confirmed[sequence];
            for (uint256 i; i < now_.length; ++i) {
                _confirmed[sequence].push(now_[i]);
            }
        }
    }

    function _within(Span memory span, Span[] memory spans) private pure returns (bool) {
        for (uint256 i; i < spans.length; ++i) {
            if (spans[i].from <= span.from && span.until <= spans[i].until) return true;
        }
        return false;
    }

    function _last() private view returns (Incident memory none) {
        uint256 count = _book.incidentCount(_id);
        return count == 0 ? none : _book.incident(_id, count - 1);
    }

    function _member(uint256 index) private view returns (Member memory) {
        return _book.membersOf(_id)[index];
    }

    function _retired() private view returns (bool) {
        return _member(3).retired;
    }

    function _among(bytes memory reason, bytes4 first, bytes4 second) private pure {
        bytes4 why = bytes4(reason);
        assertTrue(why == first || why == second, vm.toString(bytes32(reason)));
    }
}
