"""Every text of the agent's own: what it says, and what it tells the model to ask."""

from __future__ import annotations

from collections.abc import Sequence

# --- spoken as they are ----------------------------------------------------------------------
GREETING = "Thank you for calling {shop}.{this_is} How can I help you today?"
GREETING_CLOSED = (
    "Thank you for calling {shop}.{this_is} We are closed right now, but I can help you with an "
    "appointment. What can I do for you?"
)
HOLD_BACK = "One moment please."
THIS_IS = " This is {agent}."
OF_SHOP = "{agent} from {shop}"
GREETING_REMINDER = "Hello, this is {caller}. Am I speaking with {name}?"
REMINDER_WRONG_PERSON = "I am sorry to have bothered you. Have a good day. Goodbye."
REMINDER_NO_CALLS = "I understand. We will not call you about appointments again. Goodbye."
REMINDER_SCREENING = "This is {shop}, calling with a reminder about an appointment."
REMINDER_VOICEMAIL = (
    "Hello, this is {shop} with a friendly reminder. Please call us back at your convenience. "
    "Thank you, goodbye."
)

# --- spoken while no language model answers -----------------------------------------------------
SCRIPTED_NOT_YET = "I am sorry, I was away for a moment. This is not done yet."
SCRIPTED_BOOKED = "It is booked: {when}."
SCRIPTED_MOVED = "It is moved to {when}."
SCRIPTED_CANCELLED = "It is cancelled: {when}."
SCRIPTED_TAKEN = "I am sorry, that time has been taken."
SCRIPTED_OFFER = "I can offer {times}. Which one would you like?"
SCRIPTED_UNKNOWN = (
    "I do not know yet whether that went through. Please call again in a few minutes to be sure."
)
SCRIPTED_DANGER = (
    "If anybody is in danger, please stop in a safe place and call nine one one right away."
)
SCRIPTED_MESSAGE = (
    "I am sorry, I have a technical problem. Please tell me in a few words what you need, with "
    "your name and number, and I will write it down for my colleagues."
)
SCRIPTED_MESSAGE_AGAIN = "What may I write down for my colleagues?"
SCRIPTED_MESSAGE_TAKEN = (
    "Thank you, I have written that down for my colleagues. Is there anything to add?"
)
SCRIPTED_WRITES = frozenset(("book_appointment", "reschedule_appointment", "cancel_appointment"))

# --- questions for the caller, handed to the model by tools ----------------------------------
OR = " or "
ASK_PHONE = "Could you tell me the phone number on your account, digit by digit?"
ASK_PHONE_MORE = (
    "I got only {digits} digits. Could you give me the whole phone number with the area code?"
)
ASK_PHONE_AGAIN = "That does not seem to be a phone number. Could you say it again, slowly?"
ASK_WHICH_PHONE = "Did you mean {choices}?"
ASK_ONE_FACT = (
    "To find the account I need that phone number together with the last name or the license "
    "plate. Could you tell me one of them?"
)
ASK_LOOKUP_FIRST = "Could you tell me the phone number on your account first?"
ASK_IDENTITY_LIMIT = (
    "I cannot open an account on this call. I can still tell you about services and free times, "
    "or put you through to a person."
)
ASK_DAY = "Which day would suit you?"
ASK_DAY_PAST = "{day} has passed. Which day from today on would suit you?"
ASK_DAY_NEARER = "We book up to six months ahead. Which nearer day would suit you?"
ASK_WEEKDAY = "You said {named}, but the date is {day}. Which one do you mean?"
ASK_WHICH_DAY = "Do you mean {choices}?"
ASK_NO_SUCH_DAY = "There is no {day}. Which day do you mean?"
ASK_TIME = "What time would suit you?"
ASK_WHICH_TIME = "Do you mean {choices}?"
ASK_TIME_CLOSED = "We are not open at {time}. Which other time would suit you?"
ASK_OTHER_DAY = "You said {said}, and I have {day}. Which one is right?"
ASK_NO_SUCH_TIME = "The clocks change that night. Which other time would suit you?"
ASK_SERVICE = "Which service do you need: {names}?"
ASK_VEHICLE = "Which car is it for: {names}?"
ASK_NO_VEHICLE = "No car is on file. Go on without one: leave the vehicle out."
ASK_SLOT = "Which of the times that I offered would you like?"
ASK_APPOINTMENT = "Which appointment do you mean: {names}?"
ASK_NO_APPOINTMENT = "I see no upcoming appointment. Would you like to book one?"
ASK_NO_SLOTS = "There is no free time then. Would another day or another part of the day work?"
ASK_NAME = "Could you tell me your first and last name?"
ASK_SPELL_NAME = "Could you spell the name for me, letter by letter?"
ASK_PLATE = "Could you read me the license plate, one letter or number at a time?"
ASK_VIN = "Could you read me the VIN, one character at a time? It has seventeen."
ASK_EMAIL = "Could you spell the e-mail address for me?"
ASK_CONTACT_CHANGE = "What would you like to change: the phone number or the e-mail address?"
ASK_CODE = (
    "I have {what}. To be sure, I have sent a six-digit code by text to the number on file. Could "
    "you read it to me?"
)
NEW_PHONE = "{phone} as your new number"
NEW_EMAIL = "{email} as your new e-mail address"
ASK_CODE_AGAIN = "That is not the code. Could you read it once more?"
ASK_NO_CODE = "I cannot change that on the phone without a code. Shall I put you through?"
ASK_NO_ESTIMATE = "I see no extra work that waits for your approval."
ASK_NO_REMINDER = "There is no reminder behind this call. What can I do for you?"
ASK_PERSON = "Am I speaking with {name}?"
ASK_NOT_NOW = "That tool cannot be used at this point. First: {goal}."
ASK_NOBODY = "Nobody can take the call right now. Is there something that I can do for you?"
ASK_NO_TEXT = "I could not send the text, so please write the time down: {spoken}."
ASK_NOT_SAVED = "That could not be saved. Shall I put you through to a person?"
ASK_ARGUMENTS = "Call the tool again with the arguments that its schema names: {problems}."
ASK_UNKNOWN_TOOL = "There is no such tool. Use one of: {names}."
ASK_TOO_MANY = "Stop calling tools now and answer the caller with what you know."
SAY_SLOW = "That takes longer than usual. Say so, and try once more."
SAY_SLOW_WRITE = (
    "It is not known yet whether that went through. Tell the caller that you are checking, do not "
    "say that it is done, and call the tool again with the same arguments."
)
SAY_FAILED = "That did not work. Apologise, try once more, or offer to put the caller through."
SAY_GONE = "The time is no longer reserved and has been taken. Offer the other times."
NOTE_OTHER_DAY = "Nothing is free on {day}; these are the next free times."

# --- read-backs ------------------------------------------------------------------------------
READ_BACK_BOOK = "{what}{vehicle} on {when}. Shall I book it?"
READ_BACK_CONTACT = "I have {what}. Shall I save that?"
READ_BACK_MOVE = "Your {service} would move from {before} to {after}. Shall I move it?"
READ_BACK_CANCEL = "That is your {service} on {when}. Shall I cancel it?"
READ_BACK_APPROVE = "The extra work is {work}, for {price}. Shall I approve it for you?"
READ_BACK_DECLINE = "That is {work}, for {price}. Shall I tell the workshop to leave it?"
READ_BACK_VISIT = "Your {service}{vehicle} is on {when}. Will you be there?"
FOR_VEHICLE = " for your {label}"

# --- text messages ---------------------------------------------------------------------------
SMS_CONFIRMATION = "{shop}: {service} on {when}{vehicle}. {address}. Reply or call to change it."
SMS_CODE = "{shop}: your code is {code}. It is valid for ten minutes. We never ask for it by text."


def filled(template: str, **parts: str) -> str:
    """Fill a template; a part that ends with the dot of "p.m." ends the sentence with it."""
    return template.format(**parts).replace("m..", "m.")


def listed(names: Sequence[str], last: str = "or") -> str:
    """Join names the way they are said: "a, b or c"."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"
