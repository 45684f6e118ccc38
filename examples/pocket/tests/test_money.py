import unittest

from pocket.money import parse, show


class TestParse(unittest.TestCase):
    def test_amounts_with_and_without_cents(self) -> None:
        self.assertEqual(parse("3.50"), 350)
        self.assertEqual(parse(" 12 "), 1200)

    def test_negative_amounts(self) -> None:
        self.assertEqual(parse("-0.80"), -80)

    def test_other_texts_are_refused(self) -> None:
        for text in ("", "3,50", "3.5", "ten"):
            with self.subTest(text=text), self.assertRaises(ValueError):
                parse(text)


class TestShow(unittest.TestCase):
    def test_cents_have_two_digits(self) -> None:
        self.assertEqual(show(305), "3.05")

    def test_the_sign_comes_first(self) -> None:
        self.assertEqual(show(-80), "-0.80")

    def test_what_is_shown_can_be_parsed(self) -> None:
        for cents in (-12345, -1, 0, 7, 100):
            self.assertEqual(parse(show(cents)), cents)
