"""A person's figures and score go, the counts of the tiers stay exact, and nothing late brings them back."""

from __future__ import annotations

from guanxi_contracts.privacy import ERASURE_RECEIPT, ErasureReceiptV1

from .conftest import Scoring, erasure, merge, touchpoint


async def receipts(scoring: Scoring) -> list[ErasureReceiptV1]:
    return [ERASURE_RECEIPT.decode(value).data for value in await scoring.values("privacy.receipt")]


async def test_figures_and_score_go_and_stay_away(scoring: Scoring) -> None:
    await scoring.apply(*(touchpoint(number, amount=100 * number) for number in (1, 2, 3)))
    await scoring.apply(merge(1, 2, (2, 2)))
    assert set(await scoring.scores()) == {1, 3}
    await scoring.apply(erasure(1, 2))
    assert set(await scoring.scores()) == {3}
    await scoring.check_counters()
    await scoring.apply(
        touchpoint(2, customer=1, version=2, amount=700), touchpoint(3, amount=1), merge(3, 2, (2, 5))
    )
    assert set(await scoring.scores()) == {3}
    assert [row["profile_id"].int for row in await scoring.rows("SELECT profile_id FROM feature")] == [3]
    await scoring.check_counters()
    (receipt,) = await receipts(scoring)
    assert (receipt.place, receipt.state) == ("scoring-service", "done")
    assert receipt.erased == {"feature": 2, "customer_score": 1}
    await scoring.apply(erasure(1, 2))
    assert (await receipts(scoring))[-1].erased == {}


async def test_whoever_is_left_behind_is_scored_anew(scoring: Scoring) -> None:
    await scoring.apply(touchpoint(1, amount=100), touchpoint(2, amount=900), merge(1, 2, (2, 2)))
    await scoring.apply(erasure(1))
    assert (await scoring.scores())[1][5] == 900
    await scoring.check_counters()
