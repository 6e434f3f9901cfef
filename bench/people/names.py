"""Names, streets and towns to make people of."""

from __future__ import annotations

FAMILIES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰建国志文红宇浩然子轩梓涵欣怡雨泽佳琪思远晨曦俊熙诗博雅婷天翔嘉慧晓东海峰春梅雪松云飞乐成龙小凤鹏辉凯琳莹倩颖璐瑶昊一诺可馨悦彤若溪景行书墨"
HOMOPHONES = {
    "伟": "玮", "芳": "方", "静": "靖", "丽": "莉", "磊": "蕾", "杰": "洁", "明": "名", "平": "萍", "英": "瑛",
    "华": "骅", "建": "健", "志": "智", "文": "雯", "宇": "雨", "浩": "昊", "欣": "心", "怡": "宜", "晨": "辰",
    "俊": "骏", "婷": "亭", "慧": "惠", "峰": "锋", "雪": "学", "凯": "楷", "琳": "林", "颖": "影", "莹": "盈",
}  # fmt: skip
MEN = [
    "James", "John", "Robert", "Michael", "William", "David", "Richard", "Joseph", "Thomas", "Charles",
    "Daniel", "Matthew", "Anthony", "Mark", "Steven", "Paul", "Andrew", "Joshua", "Kevin", "Brian", "George",
    "Edward", "Peter", "Henry", "Oliver", "Jack", "Harry", "Oscar", "Leo", "Max", "Lucas", "Noah", "Liam",
    "Ethan", "Samuel", "Benjamin", "Alexander", "Felix", "Hugo", "Martin", "Simon", "Adam", "Patrick", "Sean",
    "Owen", "Victor", "Arthur", "Louis", "Theo", "Ivan",
]  # fmt: skip
WOMEN = [
    "Mary", "Patricia", "Jennifer", "Linda", "Elizabeth", "Barbara", "Susan", "Jessica", "Sarah", "Karen",
    "Lisa", "Nancy", "Margaret", "Sandra", "Ashley", "Emily", "Donna", "Michelle", "Carol", "Amanda", "Melissa",
    "Deborah", "Laura", "Rebecca", "Sharon", "Cynthia", "Anna", "Emma", "Olivia", "Sophia", "Isabella", "Mia",
    "Charlotte", "Amelia", "Grace", "Chloe", "Hannah", "Alice", "Julia", "Clara", "Maria", "Helen", "Diana",
    "Ruth", "Eva", "Nora", "Lucy", "Zoe", "Ella", "Ida",
]  # fmt: skip
SURNAMES = [
    "Smith", "Johnson", "Williams", "Brown", "Jones", "Garcia", "Miller", "Davis", "Wilson", "Anderson",
    "Taylor", "Moore", "Jackson", "Martin", "Lee", "Thompson", "White", "Harris", "Clark", "Lewis", "Robinson",
    "Walker", "Young", "Allen", "King", "Wright", "Scott", "Hill", "Green", "Adams", "Nelson", "Baker", "Hall",
    "Rivera", "Campbell", "Mitchell", "Carter", "Roberts", "Turner", "Phillips", "Evans", "Parker", "Edwards",
    "Collins", "Stewart", "Morris", "Murphy", "Cook", "Rogers", "Morgan", "Cooper", "Peterson", "Reed",
    "Bailey", "Bell", "Kelly", "Howard", "Ward", "Cox", "Richardson", "Wood", "Watson", "Brooks", "Bennett",
    "Gray", "Hughes", "Price", "Myers", "Long", "Foster", "Sanders", "Ross", "Powell", "Sullivan", "Russell",
    "Jenkins", "Perry", "Butler", "Barnes", "Fisher", "Hansen", "Meyer", "Schmidt", "Weber", "Fischer", "Novak",
    "Kowalski", "Rossi", "Bianchi", "Dubois", "Moreau", "Lopez", "Silva", "Costa", "Nguyen", "Kim", "Park",
    "Tanaka", "Sato",
]  # fmt: skip
STREETS = [
    "建国路", "人民路", "中山路", "解放路", "长江路", "学院路", "文化路", "和平路", "新华路",
    "朝阳路", "光明路", "滨河路", "科技路", "花园路", "青年路", "友谊路", "胜利路", "东风路",
    "幸福路", "南京路",
]  # fmt: skip
DISTRICTS = [
    "北京市朝阳区", "北京市海淀区", "上海市浦东新区", "上海市徐汇区", "广州市天河区", "深圳市南山区",
    "杭州市西湖区", "成都市武侯区", "南京市鼓楼区", "武汉市洪山区",
]  # fmt: skip
ROADS = [
    "Main", "Oak", "Park", "Cedar", "Maple", "Elm", "Lake", "Hill", "Church", "Station", "Mill", "River",
    "King", "Queen", "High", "Green",
]  # fmt: skip
KINDS = ["Street", "Road", "Avenue", "Lane", "Drive", "Court"]
TOWNS = [
    "Springfield", "Riverton", "Lakeside", "Fairview", "Greenville", "Milton", "Ashford", "Newport", "Clifton",
    "Kingston",
]  # fmt: skip
