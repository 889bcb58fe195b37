"""A node's answers about a long history of logs, from what a real one answered: `python -m benchmarks.log_server FILE`.

FILE holds the logs that an anvil recorded. They come first, as they are; then as many more as wanted, in the same form:
mostly beats, some reports and deposits, and in each block of fifty logs one policy that is sold.
"""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOGS_A_BLOCK = 10
MIX = ("Beat",) * 40 + ("SpellReported",) * 5 + ("Deposit",) * 3 + ("Sale",)
"""Kinds in turn; a sale is two logs, the token's and the book's."""
BLOCK_SECONDS = 12


class History:
    """Blocks and logs by number."""

    def __init__(self, recorded: dict[str, Any], wanted: int) -> None:
        self.chain_id: int = recorded["chain_id"]
        self._real: list[dict[str, Any]] = recorded["logs"]
        self._templates: dict[str, dict[str, Any]] = recorded["templates"]
        self._first = 1 + max(int(log["blockNumber"], 16) for log in self._real)
        self._time: int = recorded["time"]
        self._kinds = [kind for each in MIX for kind in (("Mint", "Sale") if each == "Sale" else (each,))]
        self.last = self._first + (wanted - len(self._real)) // LOGS_A_BLOCK

    def block(self, number: int) -> dict[str, Any] | None:
        """A block's header, as far as it is read."""
        if number > self.last:
            return None
        return {"number": hex(number), "hash": f"0x{number:064x}", "timestamp": hex(self._time_of(number))}

    def logs(self, since: int, until: int) -> str:
        """The logs of those blocks as JSON."""
        real = [
            json.dumps(log | {"blockHash": f"0x{int(log['blockNumber'], 16):064x}"})
            for log in self._real
            if since <= int(log["blockNumber"], 16) <= until
        ]
        made = (self._made(n) for n in range(max(since, self._first), min(until, self.last) + 1))
        return f"[{','.join([*real, *(log for block in made for log in block)])}]"

    def _made(self, number: int) -> list[str]:
        first = (number - self._first) * LOGS_A_BLOCK
        return [self._log(first + k, number, k) for k in range(LOGS_A_BLOCK)]

    def _log(self, order: int, number: int, index: int) -> str:
        kind = self._kinds[order % len(self._kinds)]
        template = self._templates[kind]
        topics = list(template["topics"])
        sale = 10_000_000 + order // len(self._kinds)
        if kind == "Mint":
            topics[3] = f"0x{sale:064x}"
        elif kind == "Sale":
            topics[1] = f"0x{sale:064x}"
        return (
            f'{{"address":"{template["address"]}","topics":{json.dumps(topics)},"data":"{template["data"]}",'
            f'"blockNumber":"{number:#x}","blockHash":"0x{number:064x}","blockTimestamp":"{self._time_of(number):#x}",'
            f'"transactionHash":"0x{order:064x}","transactionIndex":"0x0","logIndex":"{index:#x}","removed":false}}'
        )

    def _time_of(self, number: int) -> int:
        return self._time + (number - self._first) * BLOCK_SECONDS


def serve(history: History) -> ThreadingHTTPServer:
    """A server of the history on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = f'{{"jsonrpc":"2.0","id":{question["id"]},"result":{self._result(**question)}}}'.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _result(self, method: str, params: list[Any], **_: Any) -> str:
            if method == "eth_chainId":
                return json.dumps(hex(history.chain_id))
            if method == "eth_getBlockByNumber":
                number = history.last if params[0] == "latest" else int(params[0], 16)
                return json.dumps(history.block(number))
            if method == "eth_getLogs":
                return history.logs(int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16))
            raise ValueError(f"{method} is not recorded")

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are not logged."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def main() -> None:
    """Serve until the process is ended; the port is the first line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=argparse.FileType())
    parser.add_argument("--logs", type=int, default=1_000_000)
    options = parser.parse_args()
    server = serve(History(json.load(options.file), options.logs))
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
