"""The handler is a plain function: python3 -m unittest"""

import unittest
from types import SimpleNamespace

from lambda_function import handler


class HandlerTest(unittest.TestCase):
    context = SimpleNamespace(aws_request_id="1")

    def test_it_greets(self):
        self.assertEqual(handler({"name": "world"}, self.context), {"message": "Hello world!"})

    def test_an_event_without_a_name_is_an_error(self):
        with self.assertRaises(KeyError):
            handler({}, self.context)


if __name__ == "__main__":
    unittest.main()
