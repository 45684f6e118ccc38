import unittest

from pocket.book import Entry
from pocket.summary import row, summary


class TestSummary(unittest.TestCase):
    def test_amounts_end_at_the_same_column(self) -> None:
        self.assertEqual(row("comic", -250), "comic          -2.50")
        self.assertEqual(row("left", 50), "left            0.50")

    def test_purposes_in_order_and_what_is_left(self) -> None:
        book = [Entry("sweets", -120), Entry("allowance", 500)]
        self.assertEqual(
            summary(book),
            "allowance       5.00\nsweets         -1.20\n--------------------\nleft            3.80",
        )
