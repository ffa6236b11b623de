# SPDX-License-Identifier: Apache-2.0
"""Readers: everything that does I/O. Each answers `registry.KeyQuery` questions and judges nothing."""
