import unittest

from pocket.book import Entry, average, balance, by_purpose, largest_expense

BOOK = [Entry("allowance", 500), Entry("sweets", -120), Entry("comic", -250), Entry("sweets", -80)]


class TestBook(unittest.TestCase):
    def test_balance_is_what_is_left(self) -> None:
        self.assertEqual(balance(BOOK), 50)

    def test_balance_of_an_empty_book(self) -> None:
        self.assertEqual(balance([]), 0)

    def test_purposes_are_summed(self) -> None:
        self.assertEqual(by_purpose(BOOK), {"allowance": 500, "sweets": -200, "comic": -250})

    def test_largest_expense(self) -> None:
        self.assertEqual(largest_expense(BOOK), Entry("comic", -250))

    def test_no_expense(self) -> None:
        self.assertIsNone(largest_expense([Entry("allowance", 500)]))

    def test_average(self) -> None:
        self.assertEqual(average(BOOK), 12.5)
        self.assertEqual(average([]), 0)
