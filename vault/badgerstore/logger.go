package badgerstore

import (
	"strings"

	"go.uber.org/zap"
)

// logger passes the database's warnings and errors on. They tell of files and levels; its info
// and debug lines are dropped.
type logger struct{ log *zap.Logger }

func (l logger) Errorf(format string, _ ...any) {
	l.log.Error("vault database", zap.String("problem", strings.TrimSpace(format)))
}

func (l logger) Warningf(format string, _ ...any) {
	l.log.Warn("vault database", zap.String("problem", strings.TrimSpace(format)))
}

func (l logger) Infof(string, ...any) {}

func (l logger) Debugf(string, ...any) {}
