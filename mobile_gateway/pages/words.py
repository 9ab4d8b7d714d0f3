"""What the gateway's pages say, in Korean and English."""

from __future__ import annotations

from collections.abc import Mapping

from mobile_gateway.carrier.messages import Language
from mobile_gateway.keys import Key

WORDS: Mapping[Language, Mapping[str, str]] = {
    Language.ENGLISH: {
        "title": "Mobile network",
        "lead": "Every phone of this emulated network, and what arrived on it.",
        "live": "Live",
        "lost": "Not live now. Reload the page to see what arrived.",
        "reload": "Reload",
        "other_language": "한국어",
        "none": "No phone yet. Add one below, or send a message: a number is made when its first message comes.",
        "add": "Add a phone",
        "number": "Number",
        "number_hint": "With country code: +82 10 1234 5678",
        "number_wrong": "That is not a number with its country code. Write it like +821012345678.",
        "model": "Model",
        "feature": "Feature phone, 96 × 65",
        "feature128": "Feature phone, 128 × 128",
        "smart": "Smartphone",
        "on": "On",
        "off": "Off",
        "power": "Power",
        "roaming": "Roaming",
        "memory_full": "Memory full",
        "unknown": "Not known to the network",
        "barred": "Barred by the network",
        "sink": "Takes messages and forgets them",
        "memory": "Memory",
        "screen": "Screen",
        "keys": "Keys",
        "delete": "Delete",
        "store_ticket": "Store ticket",
        "stored": "Stored",
        "delete_message": "Delete message",
        "messages": "Messages",
        "tickets": "Tickets",
        "tickets_none": "No ticket stored yet.",
        "as_text": "Messages as text",
        "picture": "Picture of the message",
        "open_page": "Open page",
        "to": "To number",
        "text": "Message",
        "send": "Send message",
        "unsent": "Nobody takes this message. Check the number: a short code, or one with its country code.",
        "zoom": "Screen as a picture to scan",
        "empty": "No messages. Tickets will arrive here.",
        "ticket": "Ticket",
        "pin": "PIN",
        "open_ticket": "Open ticket page",
        "is_off": "This phone is off. Messages wait in the network.",
        "problems": "Problems",
        "problems_lead": "What this network's API says when it says no, and what to do.",
        "home": "Back to the phones",
    },
    Language.KOREAN: {
        "title": "이동통신망",
        "lead": "가상 통신망의 휴대폰과 도착한 메시지를 보여 줍니다.",
        "live": "실시간",
        "lost": "실시간 연결이 끊겼습니다. 새로고침하면 도착한 메시지를 볼 수 있습니다.",
        "reload": "새로고침",
        "other_language": "English",
        "none": "아직 휴대폰이 없습니다. 아래에서 추가하십시오. 메시지를 보내도 그 번호의 휴대폰이 생깁니다.",
        "add": "휴대폰 추가",
        "number": "번호",
        "number_hint": "국가 번호 포함: +82 10 1234 5678",
        "number_wrong": "국가 번호가 있는 번호가 아닙니다. +821012345678처럼 입력하십시오.",
        "model": "기종",
        "feature": "일반 휴대폰, 96 × 65",
        "feature128": "일반 휴대폰, 128 × 128",
        "smart": "스마트폰",
        "on": "켜짐",
        "off": "꺼짐",
        "power": "전원",
        "roaming": "로밍",
        "memory_full": "메모리 부족",
        "unknown": "통신망에 없는 번호",
        "barred": "통신망에서 차단된 번호",
        "sink": "메시지를 받고 버리는 번호",
        "memory": "메모리",
        "screen": "화면",
        "keys": "버튼",
        "delete": "삭제",
        "store_ticket": "티켓 보관",
        "stored": "보관됨",
        "delete_message": "메시지 삭제",
        "messages": "메시지",
        "tickets": "티켓",
        "tickets_none": "아직 보관한 티켓이 없습니다.",
        "as_text": "메시지를 글로 보기",
        "picture": "메시지에 담긴 그림",
        "open_page": "페이지 열기",
        "to": "받는 번호",
        "text": "메시지",
        "send": "메시지 보내기",
        "unsent": "받을 곳이 없는 번호입니다. 단축 번호이거나 국가 번호가 있는 번호인지 확인하십시오.",
        "zoom": "화면을 그림으로 열어 스캔하기",
        "empty": "메시지가 없습니다. 티켓이 여기로 도착합니다.",
        "ticket": "티켓",
        "pin": "비밀번호",
        "open_ticket": "티켓 화면 열기",
        "is_off": "전원이 꺼져 있습니다. 메시지는 통신망에서 기다립니다.",
        "problems": "오류 안내",
        "problems_lead": "API가 요청을 거절할 때의 뜻과 해결 방법입니다. 프로그램이 받는 영어 그대로 적습니다.",
        "home": "휴대폰으로 돌아가기",
    },
}

KEY_NAMES: Mapping[Language, Mapping[Key, str]] = {
    Language.ENGLISH: {
        Key.UP: "Up",
        Key.DOWN: "Down",
        Key.LEFT: "Left",
        Key.RIGHT: "Right",
        Key.OK: "OK",
        Key.SOFT_LEFT: "Left soft key",
        Key.SOFT_RIGHT: "Right soft key",
        Key.BACK: "Clear, back",
        Key.SEND: "Send",
        Key.END: "End",
    },
    Language.KOREAN: {
        Key.UP: "위로",
        Key.DOWN: "아래로",
        Key.LEFT: "왼쪽",
        Key.RIGHT: "오른쪽",
        Key.OK: "확인",
        Key.SOFT_LEFT: "왼쪽 기능 버튼",
        Key.SOFT_RIGHT: "오른쪽 기능 버튼",
        Key.BACK: "지움, 이전",
        Key.SEND: "통화, 보내기",
        Key.END: "종료",
    },
}
"""What is read out for the keys whose label is a sign."""


def language_for(asked: str | None, accept_language: str) -> Language:
    """The language a page speaks: as `?lang=` asks, else the first of the browser's that we speak, else English."""
    if asked in set(Language):
        return Language(asked)
    for tag in accept_language.split(","):
        primary = tag.split(";")[0].strip().split("-")[0].lower()
        if primary in set(Language):
            return Language(primary)
    return Language.ENGLISH
