// @ts-check
// Written by docs/make_gate_vectors.py from app/domain/admission.py: change it there.

/** What a steward reads, by reason. @type {Record<string, {ko: string, en: string}>} */
export const WORDS = {
  "admitted": {
    "ko": "입장하십시오.",
    "en": "Let them in."
  },
  "reentered": {
    "ko": "다시 입장하십시오.",
    "en": "Let them in again."
  },
  "left": {
    "ko": "퇴장을 기록했습니다.",
    "en": "They have left."
  },
  "redeemed": {
    "ko": "결제되었습니다.",
    "en": "Redeemed."
  },
  "undone": {
    "ko": "되돌렸습니다. 사용하지 않은 표입니다.",
    "en": "Undone: the ticket is as it was before."
  },
  "overridden": {
    "ko": "감독자의 결정으로 입장합니다. 기록되었습니다.",
    "en": "Let in by the supervisor. It is recorded."
  },
  "unreadable": {
    "ko": "읽을 수 없습니다. 다시 스캔하거나 번호와 비밀번호를 입력하십시오.",
    "en": "Cannot be read. Scan again, or type number and PIN."
  },
  "locked": {
    "ko": "비밀번호가 여러 번 틀려 잠겼습니다. 바코드를 스캔하십시오.",
    "en": "Too many wrong PINs: the PIN is locked for 10 minutes. Scan the barcode."
  },
  "unknown": {
    "ko": "이 발행처의 표가 아닙니다. 번호와 비밀번호를 확인하십시오.",
    "en": "Not one of our tickets. Check number and PIN."
  },
  "wrong_pin": {
    "ko": "번호나 비밀번호가 맞지 않습니다. 다시 확인하십시오.",
    "en": "Number or PIN is wrong. Check both."
  },
  "revoked": {
    "ko": "취소된 표입니다. 매표소로 안내하십시오.",
    "en": "Revoked. Send them to the box office."
  },
  "suspended": {
    "ko": "결제 이의가 제기되어 잠시 사용이 중지된 표입니다. 매표소로 안내하십시오.",
    "en": "Suspended: its payment is disputed. Send them to the box office."
  },
  "stale_code": {
    "ko": "화면을 찍은 사진이거나 휴대전화의 시계가 맞지 않습니다. 표 화면을 다시 열어 달라고 하십시오.",
    "en": "An old picture of the code, or the phone's clock is wrong. Ask them to open the ticket again."
  },
  "retired_code": {
    "ko": "이 표는 앱으로 옮겨졌습니다. 앱의 움직이는 코드를 보여 달라고 하십시오.",
    "en": "This ticket lives in its holder's app now. Ask for the moving code."
  },
  "wrong_face": {
    "ko": "이 공연은 이 형태의 코드를 받지 않습니다. 앱의 움직이는 코드나 번호와 비밀번호를 요청하십시오.",
    "en": "Not taken in this form here. Ask for the moving code in the app, or number and PIN."
  },
  "wrong_occasion": {
    "ko": "다른 회차의 표입니다.",
    "en": "This ticket is for another occasion."
  },
  "already_in": {
    "ko": "방금 이 게이트에서 입장했습니다.",
    "en": "Already let in here a moment ago."
  },
  "passed_back": {
    "ko": "조금 전에 사용한 표입니다. 잠시 뒤에 다시 사용할 수 있습니다.",
    "en": "Used a short while ago. It can be used again later."
  },
  "not_inside": {
    "ko": "입장한 기록이 없습니다.",
    "en": "Not inside, as far as we know: nothing to record."
  },
  "used": {
    "ko": "이미 사용한 표입니다.",
    "en": "This ticket is already used."
  },
  "too_few_uses": {
    "ko": "남은 횟수가 모자랍니다.",
    "en": "Fewer uses are left than people were counted."
  },
  "not_a_voucher": {
    "ko": "상품권이 아닙니다.",
    "en": "Not a voucher: it has no balance to redeem."
  },
  "voucher": {
    "ko": "상품권입니다. 금액을 입력해 사용하십시오.",
    "en": "A voucher. Enter an amount to redeem."
  },
  "balance_too_low": {
    "ko": "잔액이 모자랍니다.",
    "en": "The balance is too low."
  },
  "expired": {
    "ko": "유효기간이 지났습니다.",
    "en": "This ticket has expired."
  },
  "too_early": {
    "ko": "아직 입장 시간이 아닙니다.",
    "en": "Too early: admission has not opened."
  },
  "other_entrance": {
    "ko": "이 표는 지정된 게이트에서만 받습니다. 그 입구로 안내하십시오.",
    "en": "This ticket opens at the home gate of its own entrance alone. Send them there."
  },
  "needs_network": {
    "ko": "네트워크 없이는 확인할 수 없습니다. 감독자를 부르십시오.",
    "en": "Cannot be decided without network. Call the supervisor."
  },
  "snapshot_old": {
    "ko": "게이트의 자료가 오래되었습니다. 네트워크에 연결하거나 감독자를 부르십시오.",
    "en": "This gate's data is too old. Connect it, or call the supervisor."
  },
  "not_undone": {
    "ko": "되돌릴 수 없습니다. 1분이 지났거나 그 뒤에 다시 사용했습니다.",
    "en": "Cannot be undone: a minute has passed, or the ticket was used since."
  }
};

/** What a steward sees first, by reason. @type {Record<string, string>} */
export const COLOURS = {
  "admitted": "green",
  "reentered": "green",
  "left": "green",
  "redeemed": "green",
  "undone": "green",
  "overridden": "green",
  "unreadable": "amber",
  "locked": "amber",
  "unknown": "red",
  "wrong_pin": "red",
  "revoked": "red",
  "suspended": "red",
  "stale_code": "amber",
  "retired_code": "amber",
  "wrong_face": "amber",
  "wrong_occasion": "red",
  "already_in": "amber",
  "passed_back": "red",
  "not_inside": "amber",
  "used": "red",
  "too_few_uses": "amber",
  "not_a_voucher": "red",
  "voucher": "amber",
  "balance_too_low": "red",
  "expired": "red",
  "too_early": "amber",
  "other_entrance": "amber",
  "needs_network": "amber",
  "snapshot_old": "amber",
  "not_undone": "amber"
};

/** Where the balance is told. */
export const BALANCE_TOLD = new Set(["balance_too_low", "redeemed", "voucher"]);

/** Where it is told when the ticket was let in before. */
export const LAST_TOLD = new Set(["already_in", "passed_back", "too_few_uses", "used"]);
