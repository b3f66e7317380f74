"""Recognizes the text of a page, drawn by pdfium, with RapidOCR."""

import statistics
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import msgspec
import numpy as np
import pypdfium2
import rapidocr
from numpy.typing import NDArray

from ingest.errors import PermanentError
from ingest.types import RecognizedLine, RecognizedPage

Picture = NDArray[np.uint8]

_MODELS = Path(rapidocr.__file__).parent / "models"
_SETTINGS = {
    "Global.log_level": "critical",
    # Named, because others would be downloaded.
    "Det.model_path": str(_MODELS / "PP-OCRv6_det_small.onnx"),
    "Cls.model_path": str(_MODELS / "ch_ppocr_mobile_v2.0_cls_mobile.onnx"),
    "Rec.model_path": str(_MODELS / "PP-OCRv6_rec_small.onnx"),
    # A process with threads should not fork.
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    # Lines are found in a smaller picture, in half of the time, and read in the whole one.
    "Det.limit_type": "max",
    "Det.limit_side_len": 1280,
    # Long lines would be turned by mistake.
    "Global.use_cls": False,
    # Those below are counted.
    "Global.text_score": 0.0,
}
_DOTS_PER_INCH = 200
_LONGEST_SIDE = 2000
# Certainties of lines, and of a page on average. Print in scripts that the model knows has .95 and more, even
# if it is noisy; in others, such as Hebrew, Thai and Hindi, .6 to .75.
_SURE, _SURE_IN_DOUBT = 0.6, 0.9
_READABLE = 0.85
_LONG = 8
_TALL = 1.5
_SEEN = 4
_MOST_ASKED = 20


class _Line(msgspec.Struct):
    """A line in pixels, from the upper left corner, with the certainty of its text."""

    text: str
    score: float
    corners: NDArray[np.float32]


class PageRecognizer:
    """Recognizes pages, with models that are loaded at the beginning."""

    def __init__(self) -> None:
        cv2.setNumThreads(0)
        self._engine: Any = rapidocr.RapidOCR(params=_SETTINGS)
        # The model for directions is not part of each call.
        self._engine._load_cls_model()  # type: ignore[no-untyped-call]
        # The other models are loaded at their first use.
        picture = np.full((100, 400, 3), 255, np.uint8)
        cv2.putText(picture, "Words 12", (20, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (0, 0, 0), 2)
        self._lines(picture)

    def recognize(self, file: BinaryIO, number: int) -> RecognizedPage:
        """The text of the page of a PDF with this number, from 1.

        Raises:
            PermanentError: the page can't be drawn.
        """
        try:
            with pypdfium2.PdfDocument(file) as document:
                page = document[number - 1]
                scale = min(_DOTS_PER_INCH / 72, _LONGEST_SIDE / max(page.get_size()))
                # Values of forms and typed-on text are read as such.
                bitmap = page.render(scale=scale, may_draw_forms=False, draw_annots=False)
                picture = np.ascontiguousarray(bitmap.to_numpy()[:, :, :3])
        except (pypdfium2.PdfiumError, IndexError) as error:
            raise PermanentError("The page can't be drawn.") from error
        lines, turns = self._lines(picture)
        if turns:
            turned = np.ascontiguousarray(np.rot90(picture, turns))
            upright, _ = self._lines(turned)
            # The direction of a few lines may be mistaken. The text of tall ones was read either way.
            if _certainty(upright) > 0.9 * _certainty(lines):
                return _page(upright, turned.shape[0], scale, is_upright=False)
        return _page(lines, picture.shape[0], scale, is_upright=True)

    def _lines(self, picture: Picture) -> tuple[list[_Line], int]:
        """The lines, and how many quarter turns to the left make most of them upright."""
        reduced, record = self._engine.preprocess_img(picture)
        boxes, directions, texts, parts = self._engine.run_ocr_steps(reduced, record)
        turns = 0 if boxes.boxes is None else self._turns(boxes.boxes, parts)
        found: Any = self._engine.build_final_output(picture, boxes, directions, texts, parts, record)
        if found.boxes is None or found.txts is None:
            return [], 0
        return [
            _Line(text, float(score), np.asarray(corners, np.float32))
            for text, score, corners in zip(found.txts, found.scores, found.boxes, strict=True)
        ], turns

    def _turns(self, boxes: NDArray[np.float32], parts: list[Picture]) -> int:
        """Quarter turns to the left, given boxes of lines and their pictures; tall ones are turned once."""
        widths, heights = np.abs(boxes[:, 2] - boxes[:, 0]).T
        tall = heights > _TALL * widths
        is_sideways = bool(heights[tall].sum() > widths[~tall].sum())
        # The model squeezes a line into a picture of four times its height: long ones would be mistaken.
        asked = [
            part[:, : _SEEN * part.shape[0]]
            for part, is_tall in zip(parts, tall.tolist(), strict=True)
            if is_tall == is_sideways and part.shape[1] > part.shape[0]
        ][:_MOST_ASKED]
        answers: Any = self._engine.text_cls(asked).cls_res if asked else []
        upside_down = sum(label == "180" for label, _ in answers)
        return int(is_sideways) + 2 * int(2 * upside_down > len(answers))


def _certainty(lines: list[_Line]) -> float:
    return sum(line.score * len(line.text) for line in lines)


def _page(lines: list[_Line], height: int, scale: float, *, is_upright: bool) -> RecognizedPage:
    """The lines that are certain, in points, and straight even if the picture is a little slanted."""
    is_readable = _certainty(lines) >= _READABLE * sum(len(line.text) for line in lines)
    lowest = _SURE if is_readable else _SURE_IN_DOUBT
    sure = [line for line in lines if line.score >= lowest]
    angle = _slant(sure)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    found = []
    for line in sure:
        corners = line.corners @ turn.T / scale
        left, top = corners.min(axis=0).tolist()
        right, bottom = corners.max(axis=0).tolist()
        points = height / scale
        found.append(RecognizedLine(line.text, left, points - bottom, right, points - top))
    return RecognizedPage(
        found,
        height / scale,
        is_readable=is_readable,
        is_upright=is_upright,
    )


def _slant(lines: list[_Line]) -> float:
    """The angle of most lines, in radians; pictures count downwards."""
    angles = [
        float(np.arctan2(*(line.corners[1] - line.corners[0])[::-1]))
        for line in lines
        if len(line.text) >= _LONG
    ]
    return statistics.median(angles) if angles else 0.0
