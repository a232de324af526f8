"""Names that break software: every one of them is a name that somebody could have."""

from __future__ import annotations

HARD_NAMES: tuple[tuple[str, str], ...] = (
    # Apostrophes, typed and typographic; hyphens; particles; capitals inside.
    ("Siobhán", "O'Sullivan"), ("Brendan", "O’Malley"), ("D'Shawn", "Brooks"),
    ("Renata", "D'Angelo"), ("Ngozi", "N'Diaye"), ("Jean-Luc", "Saint-Just"),
    ("Mary-Kate", "Smith-Jones"), ("Anne-Sophie", "van den Berg"), ("Ludwig", "von der Heide"),
    ("Fiona", "MacDonald"), ("Fiona", "Macdonald"), ("Ewan", "McDonald"), ("Leo", "deGraaf"),
    # Marks that other keyboards lack.
    ("Zoë", "Brontëson"), ("François", "Lefèvre"), ("Łukasz", "Żółć"), ("Jiří", "Dvořák"),
    ("Øystein", "Ås"), ("Þóra", "Guðmundsdóttir"), ("İbrahim", "Işık"), ("Nguyệt", "Đỗ"),
    ("Ștefan", "Țîrlea"), ("Ünal", "Straßer"), ("Ağa", "Çağlar"), ("Máire", "Ní Dhomhnaill"),
    # Other scripts.
    ("王", "伟"), ("美咲", "佐藤"), ("민준", "김"), ("Юлия", "Соколова"), ("Ελένη", "Παππά"),
    ("محمد", "الأحمد"), ("דוד", "כהן"), ("राहुल", "शर्मा"), ("สมชาย", "ใจดี"), ("نیما", "می‌خواهم"),
    # Very short, very long, and words that programs take for something else.
    ("O", "E"), ("Bo", "Ng"), ("Al", "Wu"), ("X", "Ly"),
    ("Maximiliana Theodora", "Featherstonehaugh-Cholmondeley-Ravensworth-Marjoribanks"),
    ("Keoniokalanikamaikahiwahiwa", "Kealiikanakaoleohaililani-Nahooikaikakeolamauloa"),
    ("Pablo Diego José Francisco de Paula Juan Nepomuceno", "Fernández de la Vega y Gutiérrez"),
    ("Jennifer", "Null"), ("Chris", "True"), ("Sam", "None"), ("Nan", "Test"), ("June", "May"),
    ("April", "Friday"), ("Robert", "Tables"), ("Angel", "Valid"), ("Jr", "King"), ("Will", "Yes"),
)  # fmt: skip

# Common names that are written with an apostrophe, straight or curled.
APOSTROPHE_NAMES: tuple[str, ...] = (
    "O'Brien", "O'Connor", "O'Neill", "O'Reilly", "O'Hara", "O'Keefe", "O’Donnell", "O’Leary",
    "D'Amico", "D'Agostino", "Dell'Orto", "L'Heureux", "M'Baye", "Ka'ahumanu", "Ta’amu",
)  # fmt: skip

# Brothers and sisters whom a telephone line cannot tell apart.
TWIN_NAMES: tuple[tuple[str, str], ...] = (
    ("Erin", "Aaron"), ("Jon", "John"), ("Ann", "Anne"), ("Kristen", "Kristin"),
    ("Sean", "Shawn"), ("Mark", "Marc"), ("Sara", "Sarah"), ("Brian", "Bryan"),
    ("Katherine", "Catherine"), ("Geoff", "Jeff"), ("Eric", "Erik"), ("Megan", "Meghan"),
    ("Steven", "Stephen"), ("Lindsay", "Lindsey"), ("Tera", "Tara"), ("Philip", "Phillip"),
    ("Dion", "Deon"), ("Rachel", "Rachael"), ("Allan", "Alan"), ("Zachary", "Zackary"),
)  # fmt: skip
