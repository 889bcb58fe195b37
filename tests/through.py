"""A node in this process, with something between it and who asks."""

from web3.providers import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from insure.chain.embedded import EmbeddedChain


class Through(BaseProvider):
    """Answers as the chain's node does; what is between overrides `make_request`."""

    def __init__(self, chain: EmbeddedChain) -> None:
        super().__init__()
        self.chain = chain

    def make_request(self, method: RPCEndpoint, params: object) -> RPCResponse:
        answer: RPCResponse = self.chain.node.answer({"id": 1, "method": method, "params": params})
        return answer
