package awsnet

import (
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

func TestEveryCallIsMade(t *testing.T) {
	t.Parallel()
	api := reflect.ValueOf(newEC2API(ec2.New(ec2.Options{})))
	for i := range api.NumField() {
		if api.Field(i).IsNil() {
			t.Errorf("%s is nil", api.Type().Field(i).Name)
		}
	}
}
