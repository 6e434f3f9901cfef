"""Words that tell the parts of a name."""

# ruff: noqa: SIM905 - lists of words read better so.

from __future__ import annotations

TITLES = frozenset("mr mrs ms miss mx dr prof sir madam jr sr ii iii".split())
PARTICLES = frozenset("van von der den de da di do dos del della la le ter ten bin al el mc mac st".split())

FREQUENT = frozenset(
    "wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he lin gao luo".split()
)
"""The most frequent Chinese family names in pinyin."""

COMPOUND = frozenset(
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 太叔 申屠"
    " 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良 漆雕 乐正 宰父"
    " 谷梁 拓跋 夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 微生 梁丘 左丘 东门 西门"
    " 歐陽 司馬 東方 諸葛 尉遲 赫連 鍾離 長孫 鮮于".split()
)
"""Family names of two characters."""

FAMILY_READINGS = {
    "单": "shan", "單": "shan", "解": "xie", "曾": "zeng", "查": "zha", "仇": "qiu", "朴": "piao", "盖": "ge",
    "蓋": "ge", "区": "ou", "區": "ou", "乐": "yue", "樂": "yue", "翟": "zhai", "缪": "miao", "繆": "miao",
    "尉迟": "yuchi", "尉遲": "yuchi", "万俟": "moqi", "員": "yun", "员": "yun", "召": "shao", "冼": "xian",
    "秘": "bi", "种": "chong", "重": "chong", "折": "she", "黑": "he", "那": "na", "葛": "ge", "尹": "yin",
    "令狐": "linghu", "长孙": "zhangsun", "長孫": "zhangsun", "宓": "mi", "牟": "mu", "燕": "yan", "纪": "ji",
    "應": "ying", "应": "ying", "任": "ren", "宁": "ning", "洗": "xian", "覃": "qin", "谌": "chen",
}  # fmt: skip
"""Family names that are read differently from the characters elsewhere."""

FAMILIES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花"
    "方俞任袁柳酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝"
    "明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝"
    "管卢莫经房裘缪干解应宗丁宣贲邓郁单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊惠甄曲家封芮羿储靳汲邴糜松井段富巫乌"
    "焦巴弓牧隗山谷车侯宓蓬全郗班仰秋仲伊宫宁仇栾暴甘钭厉戎祖武符刘景詹束龙叶幸司韶郜黎蓟薄印宿白怀蒲邰从鄂索咸籍赖"
    "卓蔺屠蒙池乔阴胥能苍双闻莘党翟谭贡劳逄姬申扶堵冉宰郦雍却璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习"
    "宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧殳沃利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶空曾毋沙"
    "乜养鞠须丰巢关蒯相查后荆红游竺权逯益桓公肖覃涂苟代付冼闫仝岳商佘佟伯赏帅亢况缑亓海归展宾粟占官娜杞苑隋揭盖"
    "趙錢孫鄭馮陳衛蔣韓楊許呂張嚴魏謝鄒蘇魯韋馬鳳賀湯羅畢鄔樂於時齊顧黃蕭劉葉"
)
"""Characters that family names of one character are written with."""
