locals {
  # The request of RunJobFlow, as EMR's API takes it.
  launch = {
    Name                  = var.name
    ReleaseLabel          = var.release
    Applications          = [{ Name = "Spark" }]
    ServiceRole           = aws_iam_role.service.arn
    JobFlowRole           = aws_iam_instance_profile.node.name
    SecurityConfiguration = aws_emr_security_configuration.this.name
    LogUri                = "s3://${var.bucket}/${var.log_prefix}/"
    VisibleToAllUsers     = true
    StepConcurrencyLevel  = var.step_concurrency
    AutoTerminationPolicy = { IdleTimeout = var.idle_timeout }
    Tags                  = [for name, value in local.cluster_tags : { Key = name, Value = value }]

    Instances = {
      KeepJobFlowAliveWhenNoSteps   = true # warm until AutoTerminationPolicy ends it
      TerminationProtected          = false
      Ec2SubnetIds                  = var.subnet_ids
      EmrManagedMasterSecurityGroup = aws_security_group.node.id
      EmrManagedSlaveSecurityGroup  = aws_security_group.node.id
      ServiceAccessSecurityGroup    = aws_security_group.service.id
      InstanceFleets = [
        {
          InstanceFleetType      = "MASTER"
          TargetOnDemandCapacity = 1
          InstanceTypeConfigs    = [for type in var.primary_instance_types : { InstanceType = type }]
        },
        {
          InstanceFleetType      = "CORE"
          TargetOnDemandCapacity = var.capacity.minimum
          InstanceTypeConfigs    = [for type in var.core_instance_types : { InstanceType = type, WeightedCapacity = 1 }]
        },
      ]
    }

    ManagedScalingPolicy = {
      ComputeLimits = {
        UnitType                     = "InstanceFleetUnits"
        MinimumCapacityUnits         = var.capacity.minimum
        MaximumCapacityUnits         = var.capacity.maximum
        MaximumOnDemandCapacityUnits = var.capacity.maximum
        MaximumCoreCapacityUnits     = var.capacity.maximum
      }
    }

    # The dialect that the SQL of transforms is checked against: ANSI, in UTC.
    Configurations = [
      { Classification = "iceberg-defaults", Properties = { "iceberg.enabled" = "true" } },
      {
        Classification = "spark-defaults"
        Properties = {
          "spark.sql.ansi.enabled"     = "true"
          "spark.sql.session.timeZone" = "UTC"
        }
      },
    ]
  }
}
