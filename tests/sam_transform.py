"""What CloudFormation does with templates of SAM, by AWS's own translator: FILE becomes FILE.json.

The zip's place is that of an upload, as `sam deploy` makes it.
"""

import json
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

PARAMETERS = {
    "SubnetIds": "subnet-0123456789abcdef0",
    "SecurityGroupIds": "sg-0123456789abcdef0",
    "BalancerSubnetIds": "subnet-0123456789abcdef0",
    "BalancerSecurityGroupIds": "sg-0123456789abcdef0",
}


class NoManagedPolicies:
    """Templates of ours name none by a short name."""

    def load(self):
        return {}


for file in sys.argv[1:]:
    with open(file, encoding="utf-8") as source:
        template = yaml_parse(source.read())
    for resource in template["Resources"].values():
        if "CodeUri" in resource.get("Properties", {}):
            resource["Properties"]["CodeUri"] = "s3://uploads/function.zip"
    result = transform(template, PARAMETERS, NoManagedPolicies())
    with open(file + ".json", "w", encoding="utf-8") as target:
        json.dump(result, target)
