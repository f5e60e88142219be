"""The sample calls as data: who says what, with how much vocal effort.

``effort`` is 0 for this speaker's ordinary voice and about 1 for a raised one; pitch, level,
brightness and rate all follow it (see make_examples.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from subtone.contracts.vocabulary import Role


@dataclass(frozen=True)
class Speaker:
    """One synthetic voice."""

    voice: str  # espeak-ng voice and variant
    pitch: int = 50  # espeak-ng scale, 0-99
    words_per_minute: int = 165
    level_db: float = -29.0  # RMS of ordinary speech before the line, dB re full scale


@dataclass(frozen=True)
class Line:
    """One turn."""

    role: Role
    text: str
    effort: float = 0.0


@dataclass(frozen=True)
class Silence:
    """Nobody speaks."""

    seconds: float


@dataclass(frozen=True)
class Beep:
    """The machine's tone on the customer's track."""

    f_hz: float
    seconds: float


@dataclass(frozen=True)
class SteppedIn:
    """A supervisor steps in here."""


Step = Line | Silence | Beep | SteppedIn


@dataclass(frozen=True)
class Scenario:
    """One call."""

    name: str
    customer: Speaker
    agent: Speaker
    steps: tuple[Step, ...]


def _said(role: Role, *lines: str | tuple[str, float]) -> list[Line]:
    return [Line(role, line) if isinstance(line, str) else Line(role, *line) for line in lines]


def _dialogue(*pairs: tuple[str, str] | tuple[str, str, float]) -> tuple[Line, ...]:
    """Agent line, customer line and the customer's effort, turn by turn."""
    turns: list[Line] = []
    for agent, customer, *effort in pairs:
        turns += _said(Role.AGENT, agent)
        turns += _said(Role.CUSTOMER, (customer, effort[0] if effort else 0.0))
    return tuple(turns)


HIDDEN_FRUSTRATION_EN = Scenario(
    "hidden_frustration.en",
    customer=Speaker("en-us+f2", pitch=45, words_per_minute=160),
    agent=Speaker("en-gb+m3", pitch=48),
    steps=_dialogue(
        (
            "Good morning, this is support. How can I help you?",
            "Hi, I am calling about the router I ordered, it arrived on Monday.",
        ),
        ("Could you give me the order number, please?", "Yes, it is four four seven one nine."),
        (
            "Thank you. And the address is still the same?",
            "Yes, that is the right address, the second floor.",
        ),
        (
            "I see it here. What does the light on the front show?",
            "It is green for a moment and then it turns orange.",
        ),
        (
            "Is the cable in the first socket?",
            "Yes, I have it in the first one, next to the power.",
        ),
        ("Please hold the line, I will look that up.", "Okay, I can wait a moment."),
        (
            "Thanks for holding. I have to ask for your order number again.",
            "It is four four seven one nine, as I said.",
            0.2,
        ),
        (
            "And could you read me the address once more?",
            "It is the same address. No problem.",
            0.5,
        ),
        (
            "My system is a bit slow. Can you restart the router again?",
            "I already did that. It's fine.",
            0.9,
        ),
        ("Great. And the light is still orange?", "Yes, it is orange. It is okay.", 1.0),
        (
            "I will have to transfer you to another team, they may ask the same questions.",
            "No, that is fine. Really. Whatever works for you.",
            1.0,
        ),
        (
            "It can take up to ten days. Is that all right with you?",
            "Sure, ten days, that is fine with me.",
            1.05,
        ),
        (
            "Somebody may call you back, or you can call us again.",
            "Okay. I will just call again, no problem.",
            1.05,
        ),
        ("Is there anything else I can do for you today?", "No, it is fine. Thank you.", 1.05),
    ),
)

OPEN_ANGER_ZH = Scenario(
    "open_anger.zh",
    customer=Speaker("cmn-latn-pinyin+m7", pitch=45, words_per_minute=185),
    agent=Speaker("cmn-latn-pinyin+f2", pitch=52, words_per_minute=185),
    steps=_dialogue(
        ("您好，这里是客服中心，请问有什么可以帮您？", "你好，我想问一下我上个星期买的洗衣机。"),
        ("好的，请您报一下订单号。", "订单号是四四七一九，名字是王小明。"),
        ("我查到了，请问是什么时候送到的？", "是星期二上午送到的，放在门口。"),
        ("请问现在机器是什么情况？", "插上电以后灯亮了，但是水进不去。"),
        ("您检查过水管了吗？", "检查过了，水管是接好的，水龙头也开着。"),
        (
            "我帮您看一下维修的时间，最快是下个月。",
            "下个月？上次你们也是这么说的，我已经等了两个星期了。",
            0.4,
        ),
        (
            "不好意思，我们的系统显示还没有登记。",
            "怎么会没有登记？同一件事我已经打了三次电话了！",
            0.65,
        ),
        ("那我重新帮您登记一次，好吗？", "又要重新登记！你们到底有没有人在处理？太离谱了！", 0.85),
        (
            "先生，请您理解，维修部门比较忙。",
            "我理解你们，谁理解我？这个服务太差了，我非常生气！",
            1.15,
        ),
        ("退货的话需要您自己承担运费。", "凭什么让我出运费？机器是坏的！你们这是骗人！", 1.1),
        ("这是公司的规定，我也没有办法。", "什么破规定！我要投诉，马上叫你们主管来！", 1.35),
        ("主管现在不在，我可以给您留言。", "我受够了！今天不解决我就去消费者协会投诉你们！", 1.4),
        ("请您稍等，我再问一下。", "别再让我等了！烦死了，马上给我退款！", 1.4),
    ),
)

INTERVENTION_EN = Scenario(
    "intervention.en",
    customer=Speaker("en-us+m7", pitch=45, words_per_minute=165),
    agent=Speaker("en-gb+f3", pitch=50),
    steps=(
        *_dialogue(
            (
                "Good afternoon, billing department. How can I help you?",
                "Hello, I have a question about my bill from last month.",
            ),
            (
                "Sure. May I have your customer number?",
                "Yes, it is two zero three, eight eight one.",
            ),
            (
                "Thank you. What would you like to know about it?",
                "There is a second charge on the fourth of March.",
            ),
            (
                "I see it. That is the fee for the new contract.",
                "I did not order a new contract, I only changed my address.",
            ),
            (
                "The system says that you agreed to it on the phone.",
                "That is not true! I never agreed to any contract!",
                0.7,
            ),
            (
                "I am afraid I cannot cancel it from here.",
                "This is ridiculous! You charged me twice for nothing!",
                1.0,
            ),
            (
                "You would have to send us a letter.",
                "A letter? I am really angry now. This is completely unacceptable!",
                1.15,
            ),
            (
                "I understand, but those are the rules.",
                "I am sick of your rules! Let me speak to your supervisor right now!",
                1.2,
            ),
            (
                "Please stay calm, sir.",
                "I am furious! This is the worst service I have ever had!",
                1.2,
            ),
        ),
        SteppedIn(),
        *_said(
            Role.AGENT,
            "Hello sir, this is the team lead. I have read the case. The charge is our mistake, "
            "and I am taking it off your bill right now.",
        ),
        *_said(Role.CUSTOMER, ("Okay. And the contract?", 0.35)),
        *_dialogue(
            (
                "The contract is cancelled as well, as of today.",
                "All right. Will I get that in writing?",
                0.1,
            ),
            (
                "Yes, you will have the e-mail in a few minutes.",
                "Good. That is the address with the double n.",
            ),
            (
                "Exactly. And the money is back on your card by Friday.",
                "By Friday, okay. I have written that down.",
            ),
            (
                "I have also put a note on your account, so it cannot happen again.",
                "That sounds good, thank you.",
            ),
            ("Can you see the message already?", "Yes, I see it here, that was quick."),
            ("Is everything in it correct?", "Yes, the date and the amount are both correct."),
            ("Then I wish you a nice evening.", "Thanks for your help, the same to you."),
            (
                "If anything comes up, my direct number is in the message.",
                "Okay, I will keep that number. Goodbye.",
            ),
        ),
    ),
)

CALM_ZH = Scenario(
    "calm.zh",
    customer=Speaker("cmn-latn-pinyin+f3", pitch=48, words_per_minute=160),
    agent=Speaker("cmn-latn-pinyin+m7", pitch=50),
    steps=_dialogue(
        ("您好，这里是客服中心，请问有什么可以帮您？", "你好，我想改一下宽带的套餐。"),
        ("好的，请您报一下客户号码。", "号码是二零三八八一。"),
        ("谢谢，请问您现在用的是哪个套餐？", "现在是一百兆的，我想换成三百兆的。"),
        ("三百兆的套餐每个月多二十块钱，可以吗？", "可以，没有问题，从下个月开始就行。"),
        ("好的，请问地址有变化吗？", "没有变化，还是原来的地址，二楼。"),
        ("安装师傅星期三上午或者下午可以过去。", "下午比较方便，三点以后我在家。"),
        ("那我帮您约在三点半。", "好的，三点半，我记下来了。"),
        ("师傅出发之前会给您打电话。", "嗯，打这个手机号就可以。"),
        ("账单还是发到原来的邮箱吗？", "对，还是原来的那个邮箱。"),
        ("合同我稍后发给您，请您看一下。", "好的，我今天晚上看。"),
        ("请问还需要别的服务吗？", "我还想问一下，旧的路由器需要还给你们吗？"),
        ("需要，师傅过去的时候会带走。", "明白了，那我先把它放在门口。"),
        ("好的，我都帮您登记好了。", "谢谢你，讲得很清楚。"),
        ("不客气，祝您生活愉快，再见。", "谢谢，再见。"),
    ),
)

ANSWERING_MACHINE_EN = Scenario(
    "answering_machine.en",
    customer=Speaker("en-us+f3", pitch=50, words_per_minute=165),
    agent=Speaker("en-gb+m7", pitch=50),
    steps=(
        Silence(0.9),
        *_said(
            Role.CUSTOMER,
            "Hello, you have reached the Miller family. We cannot take your call right now. "
            "Please leave a message after the beep, and we will call you back.",
        ),
        Silence(0.6),
        Beep(1_000.0, 0.5),
        Silence(1.0),
        *_said(
            Role.AGENT,
            "Good morning, this is the service team calling about your appointment on Thursday. "
            "The technician will be with you between nine and eleven.",
            "If that does not suit you, please call us back on the number in your letter. "
            "Thank you, and goodbye.",
        ),
        Silence(1.5),
    ),
)

SCENARIOS = (
    HIDDEN_FRUSTRATION_EN,
    OPEN_ANGER_ZH,
    INTERVENTION_EN,
    CALM_ZH,
    ANSWERING_MACHINE_EN,
)
