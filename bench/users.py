"""Users without a browser: they speak Streamlit's protocol over websockets, load the page and ask for other digits."""

import asyncio
import math
import random
import statistics
from time import perf_counter

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

THINK_S = 1.0
DIGITS = 1797  # that many there are in every set
RERUN_S = 60  # longest wait for an answer


class User:
    """One open page: what the browser would keep of it, as far as it matters to a rerun."""

    def __init__(self, url: str):
        self.url = url
        self.query = self.widget = ""
        self.texts = []

    async def open(self) -> float:
        """Load the page and return how long its script took."""
        address = self.url.replace("http", "ws", 1) + "/_stcore/stream"
        self.socket = await connect(
            address, subprotocols=["streamlit"], origin=self.url, max_size=None, compression=None, proxy=None
        )
        return await self._run(BackMsg())

    async def pick(self, digit: int) -> float:
        """Type a digit's number and return the seconds until the script has finished."""
        message = BackMsg()
        state = message.rerun_script.widget_states.widgets.add()
        state.id, state.int_value = self.widget, digit
        elapsed = await self._run(message)
        if not any(f"digit {digit}:" in text for text in self.texts):
            raise RuntimeError(f"the page does not speak of digit {digit}: {self.texts}")
        return elapsed

    async def _run(self, message: BackMsg) -> float:
        message.rerun_script.query_string = self.query
        message.rerun_script.context_info.url = self.url
        message.rerun_script.context_info.locale = "en-US"
        self.texts = []
        start = perf_counter()
        await self.socket.send(message.SerializeToString())
        async with asyncio.timeout(RERUN_S):
            while not self._finished(ForwardMsg.FromString(await self.socket.recv())):
                pass
        return perf_counter() - start

    def _finished(self, message: ForwardMsg) -> bool:
        """Take in one message; return whether it says that the whole script has run."""
        kind = message.WhichOneof("type")
        if kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._look(message.delta.new_element)
        return kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY

    def _look(self, element) -> None:
        kind = element.WhichOneof("type")
        if kind in ("alert", "exception"):
            raise RuntimeError(f"the page shows an error: {element}")
        if kind == "number_input" and element.number_input.id.endswith("digit"):
            self.widget = element.number_input.id
        if kind == "markdown":
            self.texts.append(element.markdown.body)


async def work(user: User, seconds: float, chance: random.Random) -> list[float]:
    """Let a user think and pick for some time; return how long each answer took."""
    end, times = perf_counter() + seconds, []
    await asyncio.sleep(chance.random() * THINK_S)  # not all at once
    while perf_counter() < end:
        times.append(await user.pick(chance.randrange(DIGITS)))
        await asyncio.sleep(THINK_S)
    return times


async def join(users: list[User], count: int, url: str) -> None:
    """Bring the users up to this count; four load at a time."""
    gate = asyncio.Semaphore(4)

    async def load(user: User) -> None:
        async with gate:
            await user.open()

    new = [User(url) for _ in range(count - len(users))]
    users += new
    await asyncio.gather(*(load(user) for user in new))


async def level(users: list[User], seconds: float) -> list[float]:
    """Return the seconds of every answer while all users work."""
    chance = random.Random(0)
    times = await asyncio.gather(*(work(user, seconds, random.Random(chance.random())) for user in users))
    return [time for each in times for time in each]


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1] if len(times) > 1 else math.nan
