#!/usr/bin/env python3
"""Checks eif_and_document.py against the golden images, and against real documents where they stand beside the checkout."""

import json
import pathlib
import subprocess
import sys
import unittest

import cbor
import eif_and_document as subject

HERE = pathlib.Path(__file__).resolve().parent
IMAGES = HERE.parent / "vectors" / "eif"
DOCUMENTS = HERE.parent.parent.parent / "shared" / "vectors" / "attestation"
needs_documents = unittest.skipUnless(DOCUMENTS.is_dir(), "real documents are not to be redistributed and are absent here")


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


class Images(unittest.TestCase):
    def test_every_golden_image_has_its_measurements_or_its_error(self):
        measured = refused = 0
        for name, expected in load(IMAGES / "pcrs.json").items():
            if "build_error" in expected:
                continue
            with self.subTest(name):
                image = (IMAGES / "eif" / f"{name}.eif").read_bytes()
                if "reader_error" in expected:
                    self.assertRaises(cbor.Malformed, subject.describe_eif, image)
                    refused += 1
                    continue
                actual = subject.describe_eif(image)
                for pcr in ("PCR0", "PCR1", "PCR2", "PCR8"):
                    self.assertEqual(actual.get(pcr), expected.get(pcr), pcr)
                self.assertEqual(actual["crc_ok"], expected["CheckCRC"])
                measured += 1
        self.assertGreaterEqual(measured, 20)
        self.assertGreaterEqual(refused, 5)

    def test_role_and_instance(self):
        golden = load(IMAGES / "pcr3_pcr4.json")
        self.assertEqual(subject.role_pcr(golden["PCR3"]["input_role_arn"]), golden["PCR3"]["value"])
        self.assertEqual(subject.instance_pcr(golden["PCR4"]["input_instance_id"]), golden["PCR4"]["value"])

    def test_the_command_prints_json(self):
        image = IMAGES / "eif" / "02_x86_2rd.eif"
        printed = subprocess.run([sys.executable, HERE / "eif_and_document.py", "eif", image], check=True, capture_output=True).stdout
        self.assertEqual(json.loads(printed)["PCR0"], load(IMAGES / "pcrs.json")["02_x86_2rd"]["PCR0"])

    def test_the_command_refuses(self):
        image = IMAGES / "eif" / "46_truncated_header.eif"
        run = subprocess.run([sys.executable, HERE / "eif_and_document.py", "eif", image], capture_output=True, check=False)
        self.assertEqual((run.returncode, run.stdout), (1, b""))


@needs_documents
class Documents(unittest.TestCase):
    def test_every_document_is_taken_apart_as_recorded(self):
        for path in sorted(DOCUMENTS.glob("*/*.json")):
            with self.subTest(path.name):
                expected = load(path)["expected"]
                document = path.with_suffix(".bin").read_bytes()
                if "error" in expected:
                    self.assertRaises(cbor.Malformed, subject.describe_document, document)
                    continue
                actual = subject.describe_document(document)
                for key in ("module_id", "digest", "timestamp", "pcrs", "tagged", "length", "payload_first_byte", "key_order", "extra_keys"):
                    self.assertEqual(actual[key], expected[key], key)
                for key in ("public_key", "user_data", "nonce"):
                    self.assertEqual(actual[key], expected.get(f"{key}_hex"), key)
                self.assertEqual(actual["payload_length"], expected["payload_len"])
                certificates = [actual["certificate_sha256"], *actual["cabundle_sha256"]]
                recorded = [expected["certificate"], *expected["cabundle"]]
                self.assertEqual(len(certificates), len(recorded))
                for certificate, record in zip(certificates, recorded):
                    # Those that do not parse as X.509 have no hash on record.
                    self.assertEqual(certificate, record.get("sha256", certificate))
                self.assertEqual(actual["signature_ok"], expected["signature_ok"])

    def test_one_bit_breaks_the_signature(self):
        document = bytearray((DOCUMENTS / "real" / "42_2025-04-15_mystenlabs_prod.bin").read_bytes())
        self.assertTrue(subject.describe_document(bytes(document))["signature_ok"])
        document[-1] ^= 1
        self.assertFalse(subject.describe_document(bytes(document))["signature_ok"])

    def test_no_shortened_document_is_taken_for_one(self):
        document = (DOCUMENTS / "real" / "44_2025-08-27_worldcoin_prod_indef.bin").read_bytes()
        for length in range(0, len(document), 97):
            self.assertRaises(cbor.Malformed, subject.describe_document, document[:length])
        self.assertRaises(cbor.Malformed, subject.describe_document, document + b"\x00")


class Cbor(unittest.TestCase):
    def test_examples_of_rfc_8949(self):
        for encoded, value in (
            ("00", 0), ("1903e8", 1000), ("1b000000e8d4a51000", 1000000000000), ("3863", -100), ("4401020304", bytes([1, 2, 3, 4])),
            ("6449455446", "IETF"), ("83010203", [1, 2, 3]), ("a26161016162820203", {"a": 1, "b": [2, 3]}), ("f6", None), ("f5", True),
            ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]), ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
        ):
            self.assertEqual(cbor.decode_cbor(bytes.fromhex(encoded)), value)

    def test_malformed_items(self):
        for encoded in ("", "18", "1c", "41", "62c328", "8101ff", "ff", "81ff", "bf6161ff", "9b00ffffffffffffff", "bb00ffffffffffffff",
                        "a2616101616102", "a14000", "81" * 20, "0000", "c6", "5f4100ff", "f90000"):
            with self.subTest(encoded):
                self.assertRaises(cbor.Malformed, cbor.decode_cbor, bytes.fromhex(encoded))


if __name__ == "__main__":
    unittest.main()
