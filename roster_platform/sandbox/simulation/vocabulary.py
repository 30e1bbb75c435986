"""The words the sandbox's people, shops and rosters are made of. All invented."""

from __future__ import annotations

FIRST_NAMES = (
    "Ada", "Amara", "Arjun", "Beatriz", "Benoit", "Bram", "Camila", "Chen", "Chloe",
    "Dario", "Dilara", "Elif", "Elliot", "Emeka", "Farah", "Felix", "Freya", "Giulia",
    "Hana", "Hugo", "Imani", "Ines", "Ivan", "Jamal", "Jasper", "Jonas", "Kaito",
    "Keira", "Lars", "Leila", "Liam", "Lucia", "Mateo", "Maya", "Mira", "Nadia",
    "Nils", "Noor", "Olga", "Omar", "Petra", "Priya", "Quinn", "Rafael", "Rosa",
    "Ruth", "Sami", "Sanne", "Selma", "Tariq", "Thea", "Tomas", "Uma", "Viktor",
    "Wanda", "Xenia", "Yara", "Yusuf", "Zara", "Zoë",
)  # fmt: skip
LAST_NAMES = (
    "Abebe", "Alvarez", "Andersen", "Bakker", "Bauer", "Brooks", "Castro", "Cohen",
    "Costa", "Diallo", "Dubois", "Eriksen", "Fischer", "Fontaine", "Garcia", "Greene",
    "Haddad", "Hughes", "Ibrahim", "Ito", "Jansen", "Kaya", "Keller", "Kim", "Kowalski",
    "Larsen", "Lopez", "Martin", "Mbeki", "Mendes", "Moreau", "Nakamura", "Novak",
    "O'Brien", "Okafor", "Olsen", "Patel", "Petrov", "Quiroga", "Ramos", "Rossi",
    "Sato", "Schmidt", "Silva", "Singh", "Smit", "Tanaka", "Torres", "Ueda", "Vargas",
    "Visser", "Walker", "Weber", "Yilmaz", "Young", "Zhang",
)  # fmt: skip
MAIL_HOSTS = ("example.com", "example.org", "example.net", "mail.example")

# Stock keeping unit, name and price in cents.
PRODUCTS = (
    ("TEE-001", "Organic Tee", 2900),
    ("TEE-002", "Long Sleeve Tee", 3900),
    ("HOOD-001", "Trail Hoodie", 6900),
    ("CAP-001", "Five Panel Cap", 2450),
    ("BOT-001", "Steel Bottle", 3195),
    ("SOCK-001", "Merino Socks", 1600),
    ("BAG-001", "Day Pack", 8900),
    ("BELT-001", "Webbing Belt", 2275),
    ("SHORT-001", "Running Shorts", 4500),
    ("JKT-001", "Rain Shell", 14900),
    ("STK-001", "Sticker Pack", 550),
    ("GLV-001", "Liner Gloves", 1999),
)

CHANNELS = (
    ("Announcements", "News from the brand.", None),
    ("Show and tell", "Your photos and videos.", None),
    ("Feedback", "What we should do better.", None),
    ("Creators", "For the creator program.", 0),
    ("Athletes", "For the athlete program.", 1),
    ("Campus", "For the campus program.", 2),
)
POST_TEXTS = (
    "First run with the new shell: kept me dry for two hours.",
    "Unboxing is up, link in my bio!",
    'My code got its first order today, "thank you" all.',
    "Which colour should I wear for the shoot?",
    "Race day recap 🏁 and a small discount for you.",
    "Tip: the bottle fits the side pocket of the day pack.",
    "Meet-up on Saturday morning, who is in?",
    "Honest review after 300 km.",
)
COMMENT_TEXTS = (
    "Love this!",
    "Count me in.",
    "Where did you take that photo?",
    "Same here, great fit.",
    "Congrats 🎉",
    "How is the sizing?",
    "Sharing this with my team.",
)
CAMPAIGN_NAMES = (
    "Spring launch", "Trail month", "Summer stories", "Back to campus",
    "Autumn layers", "Winter gifts", "New year reset", "Community week",
)  # fmt: skip
STREETS = ("Oak Street", "Harbour Road", "Mill Lane", "Station Avenue", "Hill View")
CITIES = (
    ("Portland", "OR", "97201", "US"),
    ("Austin", "TX", "73301", "US"),
    ("Denver", "CO", "80014", "US"),
    ("Utrecht", "UT", "3511 AA", "NL"),
    ("Leeds", "WYK", "LS1 1UR", "GB"),
)

# Ranks in order of seniority, and how many of them command.
DEPARTMENTS = (
    (
        "Police Department",
        (
            "Chief", "Deputy Chief", "Captain", "Lieutenant", "Sergeant", "Corporal",
            "Senior Officer", "Officer", "Cadet",
        ),
        4,
    ),
    (
        "Fire & Rescue",
        (
            "Fire Chief", "Assistant Chief", "Battalion Chief", "Captain", "Lieutenant",
            "Engineer", "Firefighter", "Probationary Firefighter",
        ),
        3,
    ),
    (
        "Sheriff's Office",
        (
            "Sheriff", "Undersheriff", "Major", "Captain", "Lieutenant", "Sergeant",
            "Deputy First Class", "Deputy", "Reserve Deputy", "Trainee",
        ),
        5,
    ),
    (
        "Medical Services",
        ("Director", "Supervisor", "Paramedic", "Advanced EMT", "EMT", "Student"),
        2,
    ),
)  # fmt: skip
CERTIFICATIONS = (
    "First Aid", "Advanced Driving", "Air Support", "Dive Rescue", "Field Training",
    "Hazardous Materials", "Firearms", "Negotiation",
)  # fmt: skip
SUBDIVISIONS = (
    "Traffic", "Training", "K-9", "Rapid Response", "Recruitment", "Internal Affairs",
)  # fmt: skip
TOWNS = (
    "Harbor City", "Pinewood", "Redrock", "Lakeshore", "Granite Falls", "Sunfield",
    "Northgate", "Old Quay", "Maple Ridge", "Westmere",
)  # fmt: skip
